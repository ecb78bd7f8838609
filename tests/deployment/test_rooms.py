"""config/: kustomize and Helm make the same objects, what is generated is up to date, what belongs together agrees."""

from __future__ import annotations

import filecmp
import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from rendered import CONFIG, HELM, KUBECTL, ROOT, Objects, by_name, helm, kustomized, needs_helm, needs_kubectl, ran

from bgpctl.agent.host.privileges import NEEDS
from bgpctl.agent.options import DEFAULT_METRICS_ADDRESS
from bgpctl.cli import app
from bgpctl.compiler import CompileOptions, compile_cluster
from bgpctl.datastore import read_directory
from reflector.plan import NodePlan

BGPCTL: Any = typer.main.get_command(app)
ROOMS = ("default", "reflector", "monitoring", "rbac/passwords", "crd/calico", "uninstall")
LABS = sorted(each.name for each in (CONFIG / "samples" / "labs").iterdir() if each.is_dir())
GENERATED = ("monitoring", "policy", "samples/labs", "chart/templates")


def test_what_is_generated_is_up_to_date(tmp_path: Path) -> None:
    ran(sys.executable, CONFIG / "generate", tmp_path)
    made = {file.relative_to(tmp_path) for file in tmp_path.rglob("*") if file.is_file()}
    assert made
    assert [str(name) for name in sorted(made) if not (CONFIG / name).exists()] == []
    assert [
        str(name) for name in sorted(made) if not filecmp.cmp(tmp_path / name, CONFIG / name, shallow=False)
    ] == [], "make manifests"
    stale = {
        file.relative_to(CONFIG)
        for room in ("samples/labs", "chart/templates")
        for file in (CONFIG / room).rglob("*.yaml")
    }
    assert stale - made == set()


@needs_kubectl
@pytest.mark.parametrize("room", [*ROOMS, *(f"samples/labs/{lab}" for lab in LABS)])
def test_kustomize_accepts_every_room(room: str) -> None:
    assert kustomized(room)


@needs_kubectl
def test_components_change_what_they_say(tmp_path: Path) -> None:
    kustomization = {
        "resources": ["config/default"],
        "components": ["config/components/without-services", "config/components/labelled-nodes"],
        "images": [{"name": "bgpctl", "newName": "registry.example/bgpctl", "newTag": "1.2.3"}],
    }
    shutil.copytree(CONFIG, tmp_path / "config")
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    found, usual = by_name(ran(KUBECTL, "kustomize", tmp_path)), kustomized("default")
    assert usual.keys() - found.keys() == {
        ("ClusterRole", "", "bgpctl-agent-services"),
        ("ClusterRoleBinding", "", "bgpctl-agent-services"),
    }
    pod = found["DaemonSet", "bgpctl-system", "bgpctl-agent"]["spec"]["template"]["spec"]
    assert pod["nodeSelector"] == {"kubernetes.io/os": "linux", "bgp": "bgpctl"}
    assert pod["containers"][0]["image"] == "registry.example/bgpctl:1.2.3"


@needs_kubectl
@needs_helm
def test_the_chart_is_the_default() -> None:
    wanted = kustomized("default")
    del wanted["Namespace", "", "bgpctl-system"]
    assert kept_where_it_is(helm()) == wanted


@needs_kubectl
@needs_helm
def test_the_chart_with_everything_is_every_room() -> None:
    rooms = ("default", "reflector", "monitoring", "rbac/passwords")
    wanted: Objects = {key: each for room in rooms for key, each in kustomized(room).items()}
    del wanted["Namespace", "", "bgpctl-system"]
    switches = ("monitoring.enabled=true", "reflector.enabled=true", "passwordSecrets={bgp-passwords}")
    assert kept_where_it_is(helm(*(f"--set={each}" for each in switches))) == wanted


def kept_where_it_is(objects: Objects) -> Objects:
    """Without what tells Helm to leave a definition in the cluster."""
    for each in objects.values():
        if each["kind"] == "CustomResourceDefinition":
            assert each["metadata"].pop("annotations") == {"helm.sh/resource-policy": "keep"}
    return objects


@needs_helm
def test_helm_finds_nothing_wrong() -> None:
    assert "0 chart(s) failed" in ran(HELM, "lint", "--strict", "--kube-version", "1.35.4", CONFIG / "chart")


@needs_helm
def test_values_of_the_chart_are_where_they_belong() -> None:
    values = {
        "image.repository": "registry.example/bgpctl",
        "image.tag": "1.2.3",
        "image.pullSecrets[0].name": "registry",
        "agent.maxUnavailable": "5%",
        "controller.replicas": "3",
        "options.BGPCTL_WITHOUT_FELIX": "true",
        "services": "false",
        "policy.enabled": "false",
        "passwordSecrets": "{one,two}",
    }
    # What is true is text in an environment.
    words = (f"--set{'-string' if value == 'true' else ''}={key}={value}" for key, value in values.items())
    found = helm("--namespace=routing", *words)
    agent = found["DaemonSet", "routing", "bgpctl-agent"]["spec"]
    pod = agent["template"]["spec"]
    assert pod["containers"][0]["image"] == "registry.example/bgpctl:1.2.3"
    assert pod["imagePullSecrets"] == [{"name": "registry"}]
    assert agent["updateStrategy"]["rollingUpdate"]["maxUnavailable"] == "5%"
    assert found["Deployment", "routing", "bgpctl-controller"]["spec"]["replicas"] == 3
    assert found["ConfigMap", "routing", "bgpctl-options"]["data"] == {"BGPCTL_WITHOUT_FELIX": "true"}
    assert found["Role", "kube-system", "bgpctl-passwords"]["rules"][0]["resourceNames"] == ["one", "two"]
    assert ("ClusterRole", "", "bgpctl-agent-services") not in found
    assert not [key for key in found if key[0].startswith("ValidatingAdmissionPolicy")]
    assert {
        subject["namespace"]
        for key, each in found.items()
        if key[0].endswith("Binding")
        for subject in each["subjects"]
    } == {"routing"}


# ---------------------------------------------------------------------------------------------- samples


def plans(directory: Path) -> dict[str, NodePlan]:
    loaded = read_directory(directory)
    assert not [each for each in loaded.problems if each.severity.name == "ERROR"]
    return {each.plan.node: each.plan for each in compile_cluster(loaded.resources, CompileOptions())}


@pytest.mark.parametrize("lab", LABS)
def test_the_sample_of_a_lab_makes_the_plans_of_the_lab(lab: str) -> None:
    sample = plans(CONFIG / "samples" / "labs" / lab / "resources.yaml")
    assert sample
    assert sample == plans(ROOT / "labs" / lab / "resources")


# ---------------------------------------------------------------------------------------------- monitoring


def test_the_prometheus_rule_has_the_groups_of_the_alerts() -> None:
    rule = yaml.safe_load((CONFIG / "monitoring" / "prometheus-rule.yaml").read_text())
    assert rule["spec"] == yaml.safe_load((CONFIG / "monitoring" / "alerts.yml").read_text())


def dashboard_expressions() -> list[str]:
    dashboard = json.loads((CONFIG / "monitoring" / "bgpctl-dashboard.json").read_text())
    return [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]


def test_every_metric_of_the_dashboard_is_one_that_there_is() -> None:
    """Those of docs/metrics.md, which the tests hold against an agent."""
    documented = set(re.findall(r"^\| `(bgpctl_\w+)`", (ROOT / "docs" / "metrics.md").read_text(), re.MULTILINE))
    for expression in dashboard_expressions():
        names = {name.removesuffix("_bucket") for name in re.findall(r"\bbgpctl_\w+", expression)}
        assert names or "up{" in expression
        assert names <= documented


@pytest.mark.skipif(shutil.which("promtool") is None, reason="no promtool: Debian package prometheus")
def test_promtool_accepts_every_expression_of_the_dashboard(tmp_path: Path) -> None:
    rules = [{"record": f"panel:{number}", "expr": each} for number, each in enumerate(dashboard_expressions())]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    done = subprocess.run(
        ["promtool", "check", "rules", "rules.yml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


# ---------------------------------------------------------------------------------------------- what belongs together


def workload(room: str) -> dict[str, Any]:
    file = CONFIG / room / ("daemonset.yaml" if room in ("agent", "uninstall") else "deployment.yaml")
    found: dict[str, Any] = yaml.safe_load(file.read_text())
    return found


def container(room: str) -> dict[str, Any]:
    (found,) = workload(room)["spec"]["template"]["spec"]["containers"]
    return dict(found)


@pytest.mark.parametrize(("room", "fib"), [("agent", True), ("reflector", False)])
def test_a_container_has_the_capabilities_that_its_agent_keeps_and_no_others(room: str, fib: bool) -> None:
    """But for the one that is only needed where an installation is closed to root."""
    needed = {need.capability.name for need in NEEDS} - {"DAC_READ_SEARCH"} - (set() if fib else {"NET_ADMIN"})
    context = container(room)["securityContext"]
    assert (set(context["capabilities"]["add"]), context["capabilities"]["drop"]) == (needed, ["ALL"])


@pytest.mark.parametrize("room", ["agent", "reflector", "controller", "uninstall"])
def test_no_container_is_privileged_or_writes_into_its_image(room: str) -> None:
    pod = workload(room)["spec"]["template"]["spec"]
    context = container(room)["securityContext"]
    assert (context["privileged"], context["allowPrivilegeEscalation"], context["readOnlyRootFilesystem"]) == (
        False,
        False,
        True,
    )
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert "hostPID" not in pod
    assert "hostIPC" not in pod


def test_the_controller_is_no_root_and_has_no_capability() -> None:
    pod = workload("controller")["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container("controller")["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    containerfile = (CONFIG / "container" / "Containerfile").read_text()
    assert f"--uid {pod['securityContext']['runAsUser']} " in containerfile


@pytest.mark.parametrize("room", ["agent", "reflector"])
def test_probes_ask_where_the_agent_serves_its_pages(room: str) -> None:
    found = container(room)
    (port,) = [each["containerPort"] for each in found["ports"] if each["name"] == "metrics"]
    assert port == DEFAULT_METRICS_ADDRESS.port
    assert f"--metrics-address=[$(HOST_IP)]:{port}" in found["args"]
    for probe, page in (("livenessProbe", "/livez"), ("readinessProbe", "/readyz")):
        assert found[probe]["httpGet"] == {"path": page, "port": "metrics"}


@pytest.mark.parametrize("room", ["agent", "reflector", "controller"])
def test_every_option_of_a_manifest_is_one_that_there_is(room: str) -> None:
    found = container(room)
    (command,) = [each for each in found["command"] if each in ("agent", "controller")]
    options = {option for parameter in BGPCTL.commands[command].params for option in parameter.opts}
    assert {each.partition("=")[0] for each in found["args"]} <= options


def test_one_version_stands_everywhere() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["version"]["fallback-version"]
    for room in ("agent", "reflector", "controller", "uninstall"):
        assert container(room)["image"] == f"bgpctl:{version}"
    chart = yaml.safe_load((CONFIG / "chart" / "Chart.yaml").read_text())
    assert chart["appVersion"] == version
    assert chart["version"].replace("-", ".") == version
    assert f"ARG VERSION={version}\n" in (CONFIG / "container" / "Containerfile").read_text()


def test_kubelet_and_api_server_are_of_one_release() -> None:
    """Each in a module of its own (requirements/), which names every module of Kubernetes with its version."""
    modules = {}
    for name in ("kubernetes/kubernetes", "kubelet"):
        lines = (ROOT / "requirements" / name / "go.mod").read_text().splitlines()
        modules[name] = {line.strip() for line in lines if "k8s.io/kubernetes v" in line or "=> k8s.io/" in line}
    assert len(modules["kubelet"]) > 30
    assert modules["kubelet"] == modules["kubernetes/kubernetes"]
