"""The Helm chart: what kustomize makes of the rooms, with values in a few places and a switch for each opt-in.

Rule: with the values of values.yaml the chart is config/default, but for the namespace, which is that of the release.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from yaml_text import yaml_of

CONFIG = Path(__file__).parents[1]
NAMESPACE = "bgpctl-system"


class Template(NamedTuple):
    """`sources` are rooms or files of config; `when` is the value that switches it on."""

    name: str
    sources: tuple[str, ...]
    when: str = ""


ROLES = ("controller", "agent", "operator-read", "operator-write", "operator-diagnose")
TEMPLATES = (
    Template("node-plan-crd", ("crd/nodeplan",)),
    Template("options", ("default/options.yaml",)),
    Template("rbac", tuple(f"rbac/{name}.yaml" for name in ROLES)),
    Template("rbac-services", ("rbac/agent-services.yaml",), "services"),
    Template("rbac-passwords", ("rbac/passwords",), "passwordSecrets"),
    Template("policy", ("policy",), "policy.enabled"),
    Template("controller", ("controller",)),
    Template("agent", ("agent",)),
    Template("reflector", ("reflector",), "reflector.enabled"),
    Template("monitoring", ("monitoring",), "monitoring.enabled"),
)
# Kind and component -> path in the object -> what stands there instead.
COMPONENTS = {"Deployment": ("controller", "reflector"), "DaemonSet": ("agent",)}
IMAGE = '"{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"'
PULL_SECRETS = "{{{{- with .Values.image.pullSecrets }}}}\n{0}imagePullSecrets: {{{{ toJson . }}}}\n{0}{{{{- end }}}}\n"
KEEP = {"helm.sh/resource-policy": "keep"}


def files() -> dict[str, str]:
    return {f"chart/templates/{each.name}.yaml": _text(each) for each in TEMPLATES}


def objects(source: str) -> Iterator[dict[str, Any]]:
    """Those of a file, or of a room with the labels that its kustomization gives them."""
    path = CONFIG / source
    if path.is_file():
        kustomization, names = _kustomization(path.parent), [path.name]
    else:
        kustomization = _kustomization(path)
        names = kustomization["resources"]
    labels = {key: value for each in kustomization.get("labels", ()) for key, value in each["pairs"].items()}
    for name in names:
        for data in yaml.safe_load_all((CONFIG / source).read_text() if path.is_file() else (path / name).read_text()):
            yield _labelled(data, labels)
    for each in kustomization.get("configMapGenerator", ()) if path.is_dir() else ():
        content = {Path(name).name: (path / name).read_text() for name in each["files"]}
        metadata = {"name": each["name"], "namespace": each["namespace"], "labels": each["options"]["labels"] | labels}
        yield {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": content}


def _kustomization(directory: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((directory / "kustomization.yaml").read_text())
    return found


def _labelled(data: dict[str, Any], labels: dict[str, str]) -> dict[str, Any]:
    if labels:
        data["metadata"]["labels"] = {**data["metadata"].get("labels", {}), **labels}
    return data


def _text(template: Template) -> str:
    values: dict[str, str] = {}
    found = [_with_values(each, values) for source in template.sources for each in objects(source)]
    text = yaml_of(found, "config").replace("{{", '{{ "{{" }}')
    for mark, value in values.items():
        text = text.replace(mark, value)
    lines = text.splitlines(keepends=True)
    text = "".join(_pull_secrets(line) for line in lines)
    return f"{{{{- if .Values.{template.when} }}}}\n{text}{{{{- end }}}}\n" if template.when else text


def _pull_secrets(line: str) -> str:
    indent = line[: len(line) - len(line.lstrip())]
    return indent + PULL_SECRETS.format(indent) if line.strip() == "imagePullSecrets: true" else line


def _with_values(data: dict[str, Any], values: dict[str, str]) -> dict[str, Any]:
    """The object with marks, which `values` has the expressions of."""

    def mark(expression: str) -> str:
        name = f"VALUE-{len(values)}-HERE"
        values[name] = expression
        return name

    data = copy.deepcopy(data)
    kind, spec = data["kind"], data.get("spec", {})
    for each in (data["metadata"], *data.get("subjects", ())):
        if each.get("namespace") == NAMESPACE:
            each["namespace"] = mark("{{ .Release.Namespace }}")
    if kind == "CustomResourceDefinition":
        data["metadata"]["annotations"] = {**data["metadata"].get("annotations", {}), **KEEP}
    elif kind == "ConfigMap" and data["metadata"]["name"] == "bgpctl-options":
        data["data"] = mark("{{ toJson .Values.options }}")
    elif kind == "Role" and data["metadata"]["name"] == "bgpctl-passwords":
        data["rules"][0]["resourceNames"] = mark("{{ toJson .Values.passwordSecrets }}")
    elif kind == "PodMonitor":
        spec["namespaceSelector"]["matchNames"] = [mark("{{ .Release.Namespace }}")]
    elif kind in ("Deployment", "DaemonSet"):
        component = spec["template"]["metadata"]["labels"]["app.kubernetes.io/component"]
        if kind == "Deployment":
            spec["replicas"] = mark(f"{{{{ .Values.{component}.replicas }}}}")
        else:
            spec["template"]["spec"]["nodeSelector"] = mark("{{ toJson .Values.agent.nodeSelector }}")
            spec["updateStrategy"]["rollingUpdate"]["maxUnavailable"] = mark(
                f"{{{{ .Values.{component}.maxUnavailable }}}}"
            )
        spec["template"]["spec"] = {"imagePullSecrets": True, **spec["template"]["spec"]}
        (container,) = spec["template"]["spec"]["containers"]
        container["image"] = mark(IMAGE)
        container["resources"] = mark(f"{{{{ toJson .Values.{component}.resources }}}}")
    return data
