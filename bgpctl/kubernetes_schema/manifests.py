"""The definitions as files: one a kind, and what kustomize needs to apply them together."""

from __future__ import annotations

from typing import Any

import yaml

from bgpctl.kubernetes_schema.definition import definition
from bgpctl.kubernetes_schema.served_kinds import GROUP, SERVED_KINDS

NOTICE = """\
# For clusters without Calico: never apply this where Calico's own definitions are (docs/crds.md).
# Generated from bgpctl/resources/kinds by `make crds`.
"""


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
    """File name -> text."""
    files = {f"{GROUP}_{kind.plural}.yaml": _text(definition(kind)) for kind in SERVED_KINDS}
    return {**files, "kustomization.yaml": _text({**KUSTOMIZATION, "resources": sorted(files)})}


def _text(document: dict[str, Any]) -> str:
    return NOTICE + yaml.dump(_unbroken(document), Dumper=_Dumper, sort_keys=False, width=118, allow_unicode=True)


def _unbroken(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _Unbroken(each) if key in UNBROKEN and isinstance(each, str) else _unbroken(each)
            for key, each in value.items()
        }
    return [_unbroken(each) for each in value] if isinstance(value, list) else value
