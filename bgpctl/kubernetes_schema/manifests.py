"""The definitions as files: one a kind, and what kustomize needs to apply them together.

calico     Calico's kinds, for clusters without Calico
nodeplan   our own kind, for every cluster with a controller
"""

from __future__ import annotations

from typing import Any

import yaml

from bgpctl.kubernetes_schema.definition import definition
from bgpctl.kubernetes_schema.node_plan import NAMES, node_plan_definition
from bgpctl.kubernetes_schema.served_kinds import GROUP, SERVED_KINDS

NOTICE_OF_COPIES = """\
# For clusters without Calico: never apply this where Calico's own definitions are (docs/crds.md).
# Generated from bgpctl/resources/kinds by `make crds`.
"""
NOTICE = "# Generated from bgpctl/node_plan by `make crds`.\n"

KUSTOMIZATION = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
# What is on a line of its own, so that it can be read and copied.
UNBROKEN = ("pattern", "rule")


class _Unbroken(str):
    """Text that is not broken."""


class _Dumper(yaml.SafeDumper):
    """Without aliases: not every reader of definitions knows them."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the base class's signature
        return True


_Dumper.add_representer(
    _Unbroken, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style="|")
)


def manifests() -> dict[str, str]:
    """Path below config/crd -> text."""
    copies = {f"{GROUP}_{kind.plural}.yaml": definition(kind) for kind in SERVED_KINDS}
    ours = {f"{NAMES.plural}.yaml": node_plan_definition()}
    return {
        **{f"calico/{name}": NOTICE_OF_COPIES + _text(each) for name, each in _with_kustomization(copies).items()},
        **{f"nodeplan/{name}": NOTICE + _text(each) for name, each in _with_kustomization(ours).items()},
    }


def _with_kustomization(files: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {**files, "kustomization.yaml": {**KUSTOMIZATION, "resources": sorted(files)}}


def _text(document: dict[str, Any]) -> str:
    return yaml.dump(_unbroken(document), Dumper=_Dumper, sort_keys=False, width=118, allow_unicode=True)


def _unbroken(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _Unbroken(each) if key in UNBROKEN and isinstance(each, str) else _unbroken(each)
            for key, each in value.items()
        }
    return [_unbroken(each) for each in value] if isinstance(value, list) else value
