"""`bgpctl get`, `describe`, `apply`, `delete` and `plan show` on a real API server, and `kubectl bgp` with kubectl as
its host: the same outputs as of a directory, roles, conflicts, and what is judged before it is written."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import msgspec
import pytest
import yaml
from commands import BGPCTL, here, run, watching
from crd_copies import must, server_with_copies
from object_cases import CLUSTER, PASSWORDS, TABLES, cells
from segment import eventually
from watched_cluster import Object, Writer, calico, node, peer

from bgpctl.compiler import CompileOptions, compile_cluster
from bgpctl.datastore import read_directory
from bgpctl.node_plan import Assignment, spec_of
from bgpctl.objects import KINDS
from labs.bench.kubernetes import calico_crds
from labs.bench.kubernetes.api_server import PROGRAMS, ApiServer
from labs.bench.kubernetes.calico_crds import V3
from labs.bench.kubernetes.network import inside

pytestmark = [pytest.mark.netns, pytest.mark.slow, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]
PLANS = ROOT / "config" / "crd" / "nodeplan"
ALL = ",".join(dict.fromkeys(each.api_kind(each.groups[0]).resource for each in KINDS if each.is_listed))
NAMESPACED = "service/web", "endpointslice/web-1", "secret/bgp"


@pytest.fixture(scope="module")
def api_server(api_server_network: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """With our copies of Calico's definitions, ClusterInformation and NodePlan."""
    with server_with_copies(api_server_network, tmp_path_factory.mktemp("commands")) as server:
        yield server


@pytest.fixture(scope="module")
def installed(api_server: ApiServer, api_server_network: str) -> ApiServer:
    with inside(api_server_network):
        calico_crds.install(api_server, V3, ("ClusterInformation",))
        must(api_server, "apply", "--server-side", "--kustomize", PLANS)
        must(api_server, "wait", "--for=condition=Established", "crd/nodeplans.bgpctl.io")
        must(api_server, "create", "serviceaccount", "default", "--namespace=default")
    return api_server


@pytest.fixture
def cluster(installed: ApiServer, inside_its_network: None) -> Iterator[ApiServer]:
    """Nothing is left of what a test has written."""
    yield installed
    installed.start_what_was_killed()
    kinds = [each for each in ALL.split(",") if not each.startswith("nodes.projectcalico")]
    must(installed, "delete", ",".join(kinds), "--all", "--wait=false")
    installed.kubectl("delete", *NAMESPACED, "--namespace=default", "--ignore-not-found")


@pytest.fixture
def filled(cluster: ApiServer) -> ApiServer:
    """The cluster of the tables."""
    must(cluster, "apply", "--server-side", "--filename=-", stdin=CLUSTER)
    return cluster


def ask(
    server: ApiServer, *words: str | Path, stdin: str = "", kubeconfig: Path | None = None
) -> CompletedProcess[str]:
    return here(*words, "--kubeconfig", kubeconfig or server.admin_kubeconfig, stdin=stdin)


def now(server: ApiServer, kind: str, name: str) -> Any:
    return json.loads(must(server, "get", kind, name, "--output=json", "--show-managed-fields"))


def dumped(*objects: Object) -> str:
    return "---\n".join(yaml.safe_dump(each) for each in objects)


# ------------------------------------------------------------------------------------------------- shown


def test_tables_are_those_of_a_directory(filled: ApiServer) -> None:
    """All in one test, because the cluster takes a while to fill."""
    for name, (words, rows) in TABLES.items():
        done = ask(filled, "get", *words.split())
        assert (done.returncode, done.stderr) == (0, ""), name
        shown = [_without_ours(row) for row in cells(done.stdout, last=False)]
        assert [row for row in shown if row] == cells(rows, last=True), name
        ages = [line[-1] for line in cells(done.stdout, last=True)]
        assert all(re.fullmatch(r"AGE|\d+[smh](\d+[sm])?", age) for age in ages), name


def _without_ours(row: list[str]) -> list[str]:
    """The API server has a Service of its own."""
    return [] if "kubernetes" in row[:2] else row


def test_objects_are_whole_and_secrets_are_hidden(filled: ApiServer) -> None:
    for form, read in (("json", json.loads), ("yaml", yaml.safe_load)):
        tor = read(ask(filled, "get", "bgppeer", "tor", "-o", form).stdout)
        assert tor == json.loads(must(filled, "get", "bgppeer", "tor", "--output=json"))
    assert "managedFields" in ask(filled, "get", "bgppeer/tor", "-o", "json", "--show-managed-fields").stdout
    names = ask(filled, "get", "all", "-o", "name").stdout.split()
    assert "bgppeer.projectcalico.org/tor" in names
    assert not any(each.startswith(("secret", "service", "endpointslice")) for each in names)
    for words in ("get secrets -A -o yaml", "get secret bgp -o json --show-managed-fields", "describe secret bgp"):
        done = ask(filled, *words.split())
        assert "bgp" in done.stdout, done.stderr
        assert not any(each in done.stdout + done.stderr for each in PASSWORDS)


def test_namespaces_are_those_of_kubectl(filled: ApiServer, fresh_namespace: str) -> None:
    must(filled, "create", "secret", "generic", "other", f"--namespace={fresh_namespace}", "--from-literal=a=b")
    assert ask(filled, "get", "secrets", "-o", "name").stdout == "secret/bgp\n"
    assert ask(filled, "get", "secrets", "-o", "name", "-n", fresh_namespace).stdout == "secret/other\n"
    assert "other" in ask(filled, "get", "secrets", "-A").stdout
    context = json.loads(filled.admin_kubeconfig.read_text())
    context["contexts"][0]["context"]["namespace"] = fresh_namespace
    file = filled.directory / "namespaced.yaml"
    file.write_text(json.dumps(context))
    assert ask(filled, "get", "secrets", "-o", "name", kubeconfig=file).stdout == "secret/other\n"


def test_what_is_described_has_its_events(filled: ApiServer) -> None:
    event = {
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": "tor.1", "namespace": "default"},
        "involvedObject": {"apiVersion": "projectcalico.org/v3", "kind": "BGPPeer", "name": "tor"},
        "type": "Warning", "reason": "SessionDown", "message": "no answer\nfor a while", "count": 3,
        "lastTimestamp": "2026-01-01T00:00:00Z", "source": {"component": "bgpctl-agent"},
    }  # fmt: skip
    must(filled, "create", "--filename=-", stdin=json.dumps(event))
    try:
        shown = ask(filled, "describe", "bgppeer", "tor").stdout
        lines = [" ".join(line.split()) for line in shown.splitlines()]
        assert "Nodes: a1 (1 of 3)" in lines
        assert "Sessions: a1 to 10.0.0.254, AS 65001" in lines  # the key is not looked up here
        assert "Refers to: BGPFilter/no-default (spec.filters)" in lines
        assert lines[-2] == "LAST SEEN TYPE REASON FROM MESSAGE"
        assert re.fullmatch(r"\S+ \(x3\) Warning SessionDown bgpctl-agent no answer for a while", lines[-1])
        assert "Events:         <none>\n" in ask(filled, "describe", "bgppeer", "reflected").stdout
    finally:
        must(filled, "delete", "event", "tor.1", "--namespace=default")


def test_plans_are_listed_described_and_shown(cluster: ApiServer, tmp_path: Path) -> None:
    """With the columns that kubectl shows of them."""
    lab = ROOT / "labs" / "quickstart" / "resources"
    resources = read_directory(lab).resources
    assigned = [Assignment(each.plan) for each in compile_cluster(resources, CompileOptions(keys_by_reference=True))]
    for each in assigned:
        data = {
            "apiVersion": "bgpctl.io/v1alpha1", "kind": "NodePlan", "metadata": {"name": each.plan.node},
            "spec": json.loads(msgspec.json.encode(spec_of(each))),
        }  # fmt: skip
        must(cluster, "create", "--filename=-", stdin=json.dumps(data))
    status = {"status": {"sessions": {"summary": "7/7"}, "routes": {"installed": 12}, "held": {"count": 1}}}
    patch = f"--patch={json.dumps(status)}"
    must(cluster, "patch", "nodeplan", "rr1", "--subresource=status", "--type=merge", patch)
    rows = {line[0]: line[1:] for line in cells(ask(cluster, "get", "nodeplans").stdout, last=False)}
    digests = {each.plan.node: spec_of(each).digest for each in assigned}
    assert rows == {
        "NAME": ["SESSIONS", "ROUTES", "PLAN", "HELD"],
        **{name: ["-", "-", digest, "-"] for name, digest in digests.items()},
        "rr1": ["7/7", "12", digests["rr1"], "1"],
    }
    compiled = here("compile", lab, "--node", "rr1").stdout
    assert ask(cluster, "plan", "show", "rr1").stdout == compiled
    assert json.loads(ask(cluster, "plan", "show", "rr1", "-o", "json").stdout)["plan"]["node"] == "rr1"
    file = tmp_path / "rr1.yaml"
    file.write_text(must(cluster, "get", "nodeplan", "rr1", "--output=yaml"))
    assert here("plan", "show", file).stdout == compiled
    assert "Plan:\n  node rr1: AS 64512" in ask(cluster, "describe", "nodeplan", "rr1").stdout
    missing = ask(cluster, "plan", "show", "x")
    assert (missing.returncode, missing.stderr) == (1, "bgpctl: NodePlan/x not found\n")


# ------------------------------------------------------------------------------------------------- changed

PEERS = """\
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: reflected}
spec: {nodeSelector: "!has(reflector)", peerSelector: has(reflector)}
"""


def test_a_change_is_judged_and_written(filled: ApiServer) -> None:
    """Dry runs of both kinds say the same as the change itself."""
    wanted = dumped(peer("spine", "10.0.0.9", node="a2"))
    before = must(filled, "get", "bgppeers", "--output=json")
    client, server = (
        ask(filled, "apply", "-f", "-", f"--dry-run={each}", stdin=wanted) for each in ("client", "server")
    )
    assert must(filled, "get", "bgppeers", "--output=json") == before
    assert client.returncode == server.returncode == 1
    assert client.stdout.startswith("bgppeer.projectcalico.org/spine created (dry run)\n\n1 node changes: 1 without")
    assert server.stdout == client.stdout.replace("(dry run)", "(server dry run)")
    done = ask(filled, "apply", "-f", "-", stdin=wanted)
    assert (done.returncode, done.stdout) == (0, "bgppeer.projectcalico.org/spine created\n")
    assert done.stderr == "1 node changes: 1 without a session reset\n"
    again = ask(filled, "apply", "-f", "-", stdin=wanted)
    assert (again.returncode, again.stdout, again.stderr) == (0, "bgppeer.projectcalico.org/spine unchanged\n", "")
    assert [each["manager"] for each in now(filled, "bgppeer", "spine")["metadata"]["managedFields"]] == ["bgpctl"]
    gone = ask(filled, "delete", "bgppeer", "spine")
    assert (gone.returncode, gone.stdout) == (0, "bgppeer.projectcalico.org/spine deleted\n")


def test_what_parts_nodes_is_written_only_with_its_confirmation(filled: ApiServer) -> None:
    refused = ask(filled, "delete", "bgppeer", "reflected")
    assert refused.returncode == 3, refused.stderr
    digests = sorted(set(re.findall(r"--confirm ([0-9a-f]{12})", refused.stderr)))
    assert digests, refused.stderr
    assert "bgppeer.projectcalico.org/reflected" in must(filled, "get", "bgppeers", "--output=name")
    configuration = now(filled, "bgpconfiguration", "default")["spec"]
    done = ask(filled, "delete", "bgppeer", "reflected", *(f"--confirm={each}" for each in digests))
    assert done.returncode == 0, done.stderr
    found = now(filled, "bgpconfiguration", "default")
    assert found["metadata"]["annotations"] == {"bgpctl.io/confirm": ",".join(digests)}
    assert found["spec"] == configuration
    managers = {each["manager"]: each["fieldsV1"] for each in found["metadata"]["managedFields"]}
    assert managers["bgpctl-additions"] == {"f:metadata": {"f:annotations": {"f:bgpctl.io/confirm": {}}}}
    assert "reflected" not in must(filled, "get", "bgppeers", "--output=name")


def test_what_was_changed_meanwhile_is_not_overwritten(cluster: ApiServer) -> None:
    """A version that is not the newest, and beside it an object that is all right."""
    writer = Writer(cluster)
    writer.put(node("a1", "10.0.0.1/24"), peer("a", "10.0.0.1"))
    old = now(cluster, "bgppeer", "a")
    writer.put(peer("a", "10.0.0.2"))
    wanted = dumped(old, calico("BGPFilter", "b"))
    for words in ("apply -f - --force-conflicts", "apply -f - --force-conflicts --dry-run=server"):
        done = ask(cluster, *words.split(), stdin=wanted)
        sentence = "it was changed since it was read, and is not overwritten; look at it and repeat the command"
        assert (done.returncode, done.stdout, done.stderr) == (2, "", f"bgpctl: BGPPeer/a: {sentence}\n")
    assert must(cluster, "get", "bgpfilters", "--output=name") == ""


def test_what_is_invalid_for_the_api_server_is_a_sentence(cluster: ApiServer) -> None:
    """Its definitions may know more than we do."""
    name = "bgpfilters.projectcalico.org"
    rule = {"rule": "self.metadata.name != 'b'", "message": "no filter is called b here"}
    place = "/spec/versions/0/schema/openAPIV3Schema/x-kubernetes-validations"
    must(
        cluster,
        "patch",
        "crd",
        name,
        "--type=json",
        f"--patch={json.dumps([{'op': 'add', 'path': place, 'value': [rule]}])}",
    )
    try:
        wanted = dumped(calico("BGPFilter", "b"))
        words = ("apply", "-f", "-", "--dry-run=server")
        eventually(lambda: ask(cluster, *words, stdin=wanted).returncode == 2, "the rule is in force")
        done = ask(cluster, "apply", "-f", "-", stdin=wanted)
        assert done.stderr.startswith("bgpctl: BGPFilter/b: the API server refuses it: 422: ")
        assert "no filter is called b here" in done.stderr
        assert ask(cluster, "apply", "-f", "-", "--dry-run", stdin=wanted).returncode == 0
    finally:
        must(cluster, "patch", "crd", name, "--type=json", f"--patch={json.dumps([{'op': 'remove', 'path': place}])}")


def test_fields_of_others_are_taken_over_only_by_force(cluster: ApiServer) -> None:
    Writer(cluster).put(peer("a", "10.0.0.1"))
    wanted = dumped(peer("a", "10.0.0.2"))
    done = ask(cluster, "apply", "-f", "-", stdin=wanted)
    assert done.returncode == 2
    assert "somebody else has written these fields" in done.stderr
    assert ".spec.peerIP; --force-conflicts takes them over" in done.stderr
    assert ask(cluster, "apply", "-f", "-", "--force-conflicts", stdin=wanted).returncode == 0
    assert now(cluster, "bgppeer", "a")["spec"]["peerIP"] == "10.0.0.2"


READ_ONLY = {
    "apply node": ("apply -f -", dumped(node("a1", "10.0.0.9/24")), "Node/a1 is an object of Kubernetes itself"),
    "delete node": ("delete node a1", "", "change it with kubectl"),
    "delete service": ("delete svc web", "", "Service/default/web is an object of Kubernetes itself"),
    "delete secret": (
        "delete secret bgp -n kube-system",
        "",
        "Secret/kube-system/bgp is an object of Kubernetes itself",
    ),
    "delete plan": ("delete nodeplan a1", "", "NodePlan/a1 is written by the controller"),
}


@pytest.mark.parametrize("case", READ_ONLY)
def test_what_others_write_is_refused(cluster: ApiServer, case: str) -> None:
    words, stdin, sentence = READ_ONLY[case]
    done = ask(cluster, *words.split(), stdin=stdin)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    assert sentence in done.stderr


# ------------------------------------------------------------------------------------------------- roles

READER = """
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: peers-only}
rules:
- {apiGroups: [projectcalico.org], resources: [bgppeers], verbs: [get, list, patch, create]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: peers-only}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: peers-only}
subjects: [{kind: User, name: peers-only, apiGroup: rbac.authorization.k8s.io}]
"""


@pytest.fixture
def peers_only(filled: ApiServer) -> Iterator[Path]:
    """A kubeconfig of somebody who reads and writes BGPPeers, and nothing else."""
    must(filled, "apply", "--filename=-", stdin=READER)
    file = filled.client_certificate_kubeconfig("peers-only")
    can = ("auth", "can-i", "create", "bgppeers.projectcalico.org", f"--kubeconfig={file}")
    eventually(lambda: filled.kubectl(*can).stdout.strip() == "yes", "the role is in force")
    yield file
    must(filled, "delete", "clusterrole,clusterrolebinding", "peers-only")


def test_a_role_that_lacks_something_is_named_and_the_rest_is_shown(filled: ApiServer, peers_only: Path) -> None:
    done = ask(filled, "get", "peers,ippools", kubeconfig=peers_only)
    assert done.returncode == 2
    assert [row[3] for row in cells(done.stdout, last=True)] == ["NODES", "?", "?", "?"]  # Nodes are not read either
    assert done.stderr == (
        'bgpctl: the API server refuses to list ippools.projectcalico.org; User "peers-only" needs a role with the '
        'verb list for ippools in the API group "projectcalico.org"\n'
    )
    shown = ask(filled, "describe", "bgppeer", "tor", kubeconfig=peers_only)
    assert "Events:         not known: the API server refuses to list events" in shown.stdout
    assert "give the role the verb list for nodes" in shown.stderr


def test_what_cannot_be_judged_is_not_written(filled: ApiServer, peers_only: Path) -> None:
    wanted = dumped(peer("spine", "10.0.0.9", node="a2"))
    done = ask(filled, "apply", "-f", "-", stdin=wanted, kubeconfig=peers_only)
    assert done.returncode == 2, done.stderr
    assert done.stderr.splitlines()[-1] == (
        "bgpctl: nothing is written: what it does is not known without these; --yes writes it all the same"
    )
    assert ask(filled, "apply", "-f", "-", "--yes", stdin=wanted, kubeconfig=peers_only).returncode == 0
    gone = ask(filled, "delete", "bgppeer", "spine", "--yes", kubeconfig=peers_only)
    assert gone.returncode == 1
    assert "the API server refuses to delete bgppeers.projectcalico.org" in gone.stderr
    assert 'User "peers-only" needs a role with the verb delete for bgppeers' in gone.stderr


def test_a_confirmation_that_may_not_be_written_stops_the_change(filled: ApiServer) -> None:
    """Of somebody who reads everything and deletes BGPPeers."""
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "deletes-peers"},
        "rules": [
            {"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch"]},
            {"apiGroups": ["projectcalico.org"], "resources": ["bgppeers"], "verbs": ["delete"]},
        ],
    }  # fmt: skip
    must(filled, "create", "--filename=-", stdin=json.dumps(role))
    must(filled, "create", "clusterrolebinding", "deletes-peers", "--clusterrole=deletes-peers", "--user=deletes-peers")
    try:
        file = filled.client_certificate_kubeconfig("deletes-peers")
        can = ("auth", "can-i", "delete", "bgppeers.projectcalico.org", f"--kubeconfig={file}")
        eventually(lambda: filled.kubectl(*can).stdout.strip() == "yes", "the role is in force")
        digests = set(re.findall(r"--confirm ([0-9a-f]{12})", ask(filled, "delete", "bgppeer", "reflected").stderr))
        words = ("delete", "bgppeer", "reflected", *(f"--confirm={each}" for each in digests))
        done = ask(filled, *words, kubeconfig=file)
        assert (done.returncode, done.stdout) == (2, ""), done.stderr
        assert "BGPConfiguration/default: the API server refuses to patch bgpconfigurations" in done.stderr
        assert "reflected" in must(filled, "get", "bgppeers", "--output=name")
        assert ask(filled, "delete", "bgppeer", "reflected", "--yes", kubeconfig=file).returncode == 0
    finally:
        must(filled, "delete", "clusterrole,clusterrolebinding", "deletes-peers")


# ------------------------------------------------------------------------------------------------- watched


def test_a_line_for_each_change(filled: ApiServer) -> None:
    words = ("get", "pools", "-w", "--output-watch-events", "-l", "use=test", "--kubeconfig", filled.admin_kubeconfig)
    with watching(*words) as (process, lines):
        eventually(lambda: len(lines) == 2, "the table")
        for disabled in ("false", "true"):
            must(filled, "patch", "ippool", "private", "--type=merge", f'--patch={{"spec":{{"disabled":{disabled}}}}}')
        must(filled, "label", "ippool", "private", "use-")
        must(filled, "label", "ippool", "pods", "use=test")
        must(filled, "delete", "ippool", "pods")
        eventually(lambda: len(lines) == 7, "the changes")
        filled.kill_api_server()
        eventually(lambda: any("does not answer" in line or "refuses" in line for line in lines), "a failure is named")
        filled.start_api_server()
        must(filled, "label", "ippool", "private", "use=test")
        eventually(lambda: lines[-1].startswith("ADDED private"), "it goes on")
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
    assert [line.rpartition(" ")[0] for line in lines[:7]] == [
        "EVENT NAME CIDR TUNNEL DISABLED EXPORTED",
        "ADDED private 10.245.0.0/16 IPIP true false",
        "MODIFIED private 10.245.0.0/16 IPIP false false",
        "MODIFIED private 10.245.0.0/16 IPIP true false",
        "DELETED private 10.245.0.0/16 IPIP true false",
        "ADDED pods 10.244.0.0/16 VXLANCrossSubnet false true",
        "DELETED pods 10.244.0.0/16 VXLANCrossSubnet false true",
    ]


def test_without_an_api_server(cluster: ApiServer) -> None:
    cluster.kill_api_server()
    for words in ("get peers", "get peers -w", "describe peers", "delete bgppeer x", "plan show a1"):
        done = ask(cluster, *words.split())
        assert (done.returncode, "does not answer" in done.stderr, done.stdout) == (2, True, ""), words


# ------------------------------------------------------------------------------------------------- kubectl bgp


def kubectl(server: ApiServer, *words: str, stdin: str = "", **environment: str) -> CompletedProcess[str]:
    """With the plugin on the PATH."""
    paths = f"{BGPCTL.parent}:{os.environ['PATH']}"
    cache = str(server.directory / "kubectl-cache")
    given = {"PATH": paths, "KUBECONFIG": str(server.admin_kubeconfig), "KUBECACHEDIR": cache, **environment}
    return run(PROGRAMS / "kubectl", *words, stdin=stdin, **given)


def test_kubectl_runs_the_plugin_on_the_current_context(filled: ApiServer) -> None:
    done = kubectl(filled, "bgp", "get", "peers")
    assert (done.returncode, done.stderr) == (0, "")
    assert cells(done.stdout, last=False) == cells(TABLES["peers"].rows, last=True)
    listed = kubectl(filled, "plugin", "list")
    assert str(BGPCTL.with_name("kubectl-bgp")) in listed.stdout.splitlines()
    assert listed.returncode == 0, listed.stderr


def test_kubectl_passes_options_words_and_the_exit_status(filled: ApiServer, tmp_path: Path) -> None:
    wrong = kubectl(filled, "bgp", "get", "bgppeer", "x", "--context", "nowhere")
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("kubectl bgp: cannot use the access to ")
    missing = kubectl(filled, "bgp", "get", "bgppeer", "x")
    assert (missing.returncode, missing.stderr) == (1, "kubectl bgp: BGPPeer/x not found\n")
    wanted = dumped(peer("spine", "10.0.0.9", node="a2"))
    assert kubectl(filled, "bgp", "apply", "-f", "-", "--dry-run", stdin=wanted).returncode == 1
    applied = kubectl(filled, "bgp", "apply", "-f", "-", stdin=wanted)
    assert (applied.returncode, applied.stdout) == (0, "bgppeer.projectcalico.org/spine created\n")
    valid = kubectl(filled, "bgp", "validate")
    assert (valid.returncode, "0 errors" in valid.stdout) == (0, True)
    (tmp_path / "resources.yaml").write_text(CLUSTER)
    assert kubectl(filled, "bgp", "diff", str(tmp_path)).returncode == 1  # spine is not in it
    assert kubectl(filled, "bgp", "get", "--help").stdout.startswith("\n Usage: kubectl bgp get ") or (
        "Usage: kubectl bgp get " in kubectl(filled, "bgp", "get", "--help").stdout
    )


def test_kubectl_reads_a_kubeconfig_in_several_files(filled: ApiServer, tmp_path: Path) -> None:
    data = json.loads(filled.admin_kubeconfig.read_text())
    contexts = {"contexts": data["contexts"], "current-context": data["current-context"]}
    (tmp_path / "contexts").write_text(json.dumps(contexts))
    (tmp_path / "others").write_text(json.dumps({"clusters": data["clusters"], "users": data["users"]}))
    files = f"{tmp_path}/contexts:{tmp_path}/nowhere:{tmp_path}/others"
    done = kubectl(filled, "bgp", "get", "nodes", "-o", "name", KUBECONFIG=files)
    assert (done.returncode, done.stdout) == (0, "node/a1\nnode/a2\nnode/b1\n"), done.stderr


def test_kubectl_completes_the_plugin(filled: ApiServer) -> None:
    def complete(*words: str) -> list[str]:
        done = kubectl(filled, "__complete", "bgp", *words)
        return [line.partition("\t")[0] for line in done.stdout.splitlines()]

    assert complete("get", "bgpp") == ["bgppeers", ":4"]
    assert complete("get", "bgppeers", "") == ["reflected", "tor", "workloads", ":4"]
    assert complete("apply", "-f", "") == [":0"]
