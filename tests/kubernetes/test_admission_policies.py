"""Admission policies of config/policy against a real API server: what each refuses, and what it lets pass."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import deployed
import pytest
from segment import eventually

from bgpctl.resources.annotations.table import PREFIX, TABLE, Annotation
from bgpctl.resources.kinds.bgp_peer import BGPPeer
from bgpctl.resources.kinds.node import Node
from labs.bench.kubernetes import calico_crds
from labs.bench.kubernetes.api_server import ApiServer
from labs.bench.kubernetes.network import inside

pytestmark = [pytest.mark.netns, pytest.mark.slow, pytest.mark.timeout(300)]

GROUPS = {"projectcalico.org": "v3", "crd.projectcalico.org": "v1"}
POLICY_REFUSES = re.compile(r"ValidatingAdmissionPolicy '([a-z0-9-]+)' with binding '[a-z0-9-]+' denied request: (.*)")


@pytest.fixture(scope="module")
def server(api_server_network: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with deployed.server_with_deployment(api_server_network, tmp_path_factory.mktemp("policies")) as server:
        first_of_each_policy(server)
        yield server


def first_of_each_policy(server: ApiServer) -> None:
    """Policies are in force a little after they are stored: one resource that only a policy refuses, of each."""
    wrong = [
        resource("BGPPeer", "w", {"peerIP": "127.0.0.1"}),
        resource("BGPPeer", "w", {"peerIP": "192.0.2.1"}, {"bgpctl.io/nonsense": "1"}),
        resource("BGPConfiguration", "w", {}, {"bgpctl.io/nonsense": "1"}),
        resource("BGPFilter", "w", {}, {"bgpctl.io/nonsense": "1"}),
        resource("IPPool", "w", {"cidr": "10.0.0.0/16"}, {"bgpctl.io/nonsense": "1"}),
        resource("BGPConfiguration", "default", {"asNumber": 65535}),
        resource("IPPool", "w", {"cidr": "169.254.0.0/20"}),
    ]
    node = {"metadata": {"name": "w", "annotations": {"bgpctl.io/nonsense": "1"}}}
    wrong.append({"apiVersion": "v1", "kind": "Node", **node})
    for each in wrong:
        eventually(lambda each=each: refusals(server, [each])[0], f"a policy refuses {each}", within=30)


def resource(
    kind: str, name: str, spec: dict[str, Any], annotations: dict[str, str] | None = None,
    group: str = "projectcalico.org", labels: dict[str, str] | None = None,
) -> dict[str, Any]:  # fmt: skip
    metadata = {"name": name, "annotations": annotations or {}, "labels": labels or {}}
    return {"apiVersion": f"{group}/{GROUPS[group]}", "kind": kind, "metadata": metadata, "spec": spec}


def refusals(server: ApiServer, objects: Iterable[dict[str, Any]], *words: str) -> list[str]:
    """What a policy says of each, in their order; "" where it lets it pass. Nothing is stored."""
    found = []
    asked = [{**each, "metadata": {**each["metadata"], "name": f"{each['metadata']['name']}"}} for each in objects]
    for each in asked:
        done = server.kubectl("create", "--dry-run=server", "--filename=-", *words, stdin=json.dumps(each))
        found.append(refusal(done.stderr) if done.returncode else "")
    return found


def refusal(errors: str) -> str:
    found = POLICY_REFUSES.search(errors)
    assert found, errors
    return found[2]


# ---------------------------------------------------------------------------------------------- one resource

WRONG = [
    ("BGPPeer", "p", {"node": "a", "nodeSelector": "all()"}, "node and nodeSelector cannot both be set"),
    ("BGPPeer", "p", {"peerIP": "192.0.2.1", "peerSelector": "all()"}, "peerIP and peerSelector"),
    ("BGPPeer", "p", {"peerIP": "192.0.2.1", "asNumber": 23456}, "reserved-as-number"),
    ("BGPPeer", "p", {"peerIP": "192.0.2.1", "localASNumber": 0}, "reserved-as-number"),
    ("BGPPeer", "p", {"peerIP": "0.0.0.0"}, "impossible-address"),  # noqa: S104
    ("BGPPeer", "p", {"peerIP": "127.0.0.1:1179"}, "impossible-address"),
    ("BGPPeer", "p", {"peerIP": "[::1]:1179"}, "impossible-address"),
    ("BGPPeer", "p", {"peerIP": "224.0.0.5"}, "impossible-address"),
    ("BGPPeer", "p", {"peerIP": "fe80::1"}, "impossible-address"),
    ("BGPPeer", "p", {"peerIP": "192.0.2.1", "reachableBy": "255.255.255.255"}, "impossible-address"),
    ("BGPConfiguration", "node.a", {"asNumber": 64512}, "move it to the BGPConfiguration named 'default'"),
    ("BGPConfiguration", "default", {"asNumber": 4294967295}, "reserved-as-number"),
    ("BGPConfiguration", "default", {"serviceClusterIPs": [{"cidr": "0.0.0.0/0"}]}, "service-network-too-wide"),
    ("BGPConfiguration", "default", {"serviceExternalIPs": [{"cidr": "2000::/3"}]}, "service-network-too-wide"),
    ("BGPConfiguration", "default", {"nodeToNodeMeshEnabled": False, "nodeMeshMaxRestartTime": "9s"}, "cannot be set"),
    ("IPPool", "p", {"cidr": "169.254.0.0/20"}, "link-local"),
    ("IPPool", "p", {"cidr": "10.0.0.0/16", "ipipMode": "Always", "vxlanMode": "Always"}, "cannot both be enabled"),
    ("IPPool", "p", {"cidr": "fd00::/64", "ipipMode": "Always"}, "IPIP carries IPv4 only"),
]
RIGHT = [
    ("BGPPeer", "p", {"peerIP": "192.0.2.1:1179", "asNumber": 64512}),
    ("BGPPeer", "p", {"peerIP": "[2001:db8::1]:1179", "asNumber": 64512, "reachableBy": "2001:db8::2"}),
    ("BGPPeer", "p", {"nodeSelector": "all()", "peerSelector": "has(reflector)"}),
    ("BGPPeer", "p", {"peerIP": "192.0.2.1", "asNumber": 0}),
    ("BGPConfiguration", "default", {"asNumber": 64512, "serviceClusterIPs": [{"cidr": "10.96.0.0/12"}, {}]}),
    ("BGPConfiguration", "node.a", {"logSeverityScreen": "Debug"}),
    ("IPPool", "p", {"cidr": "10.0.0.0/16", "vxlanMode": "Always"}),
    ("BGPFilter", "f", {"importV4": [{"action": "Reject"}]}),
]


@pytest.mark.parametrize("group", GROUPS)
def test_what_the_product_refuses_in_one_resource_is_refused(server: ApiServer, group: str) -> None:
    said = refusals(server, [resource(kind, name, spec, group=group) for kind, name, spec, _ in WRONG])
    unlike = [(case, each) for case, each in zip(WRONG, said, strict=True) if case[3] not in each]
    assert unlike == []


@pytest.mark.parametrize("group", GROUPS)
def test_what_it_accepts_passes(server: ApiServer, group: str) -> None:
    assert refusals(server, [resource(*case, group=group) for case in RIGHT]) == [""] * len(RIGHT)


def test_what_was_there_before_can_be_labelled_and_deleted(server: ApiServer) -> None:
    binding = json.loads(
        calico_crds.run(server, "get", "validatingadmissionpolicybinding", "bgpctl-bgppeers", "-o", "json")
    )
    binding["metadata"] = {"name": "bgpctl-bgppeers", "labels": binding["metadata"]["labels"]}
    old = resource("BGPPeer", "old", {"peerIP": "127.0.0.1"})
    calico_crds.run(server, "delete", "validatingadmissionpolicybinding", "bgpctl-bgppeers")
    eventually(lambda: not refusals(server, [old])[0], "the policy is not bound", within=30)
    calico_crds.apply(server, old)
    calico_crds.apply(server, binding)
    eventually(lambda: refusals(server, [{**old, "metadata": {"name": "new"}}])[0], "it is again", within=30)
    calico_crds.run(server, "label", "bgppeers.projectcalico.org", "old", "team=network")
    changed = server.kubectl(
        "patch", "bgppeers.projectcalico.org", "old", "--type=merge", '--patch={"spec":{"peerIP":"::1"}}'
    )
    assert "impossible-address" in refusal(changed.stderr)
    calico_crds.run(server, "delete", "bgppeers.projectcalico.org", "old")


# ---------------------------------------------------------------------------------------------- annotations

# Not here: durations longer than 292 years, for which CEL has no value (docs/crds.md).
TEXTS = [
    "", " ", "true", "false", "True", "on", "off", "OFF", "all", "0", "1", "01", "1.0", "-1", "+1", "99", "100",
    "101", "0%", "1%", "100%", "101%", "0100%", "50", "1000", "1000 warn", "1000 drop", "1000 cease", "1000 ",
    "1000  warn", "1000 stop", "0 warn", "off warn", "65535", "65536", "4294967295", "4294967296", "00004294967295",
    "0s", "-0s", "-1s", "-0.4s", "-0.6s", "0.4s", "0.5s", "2s", "2.4s", "2.5s", "3s", "90s", "5m", "1h", "1h2m3.5s",
    "1d", "5 m", "65535s", "65535.4s", "65535.5s", "65536s", "16777215s", "16777215.5s", "16777216s", "200000h",
    "2562047h", ".5s", "1.s", "s", "5", "1us", "ipv4", "ipv6", "ipv4,ipv6", "ipv6 , ipv4", "ipv4,ipv4", "ipv4,",
    "ipv5", "ipv4,ipv6,ipv4", "10.0.0.0/8", "10.0.0.1/8", "10.0.0.1", "10.0.0.0/8, fe80::/10", "10.0.0.0/8,",
    "fe80::1/10", "::/0", "10.0.0.0/33", "22", "22,40,128", " 22 , 40 ", "22,1", "5", "255", "256", "022", "22,,40",
    "224.0.0.2", "0.0.0.0",  # noqa: S104
    "224.0.0.02", "::1", "224.0.0", "customer", "provider", "rs", "rs-client", "peer",
    "Customer", "rsclient", "b3f90c1d2e4a", "b3f90c1d2e4a,b3f90c1d2e4b", "b3f90c1d2e4a , 000000000000",
    "B3F90C1D2E4A", "b3f90c1d2e4", "b3f90c1d2e4a5",
]  # fmt: skip


def can_be_read(row: Annotation, text: str) -> bool:
    try:
        row.read(text)
    except ValueError:
        return False
    return True


def annotated(row: Annotation, name: str, text: str) -> dict[str, Any]:
    """A resource of the first kind that may have the annotation; a Node is that of Kubernetes."""
    annotations = {PREFIX + row.name: text}
    if row.kinds[0] is Node:
        return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "annotations": annotations}}
    spec = {"peerIP": "192.0.2.1"} if row.kinds[0] is BGPPeer else {}
    return resource(row.kinds[0].__name__, name, spec, annotations)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_values_of_annotations_are_judged_as_the_product_judges_them(server: ApiServer, row: Annotation) -> None:
    objects = [annotated(row, f"x{number}", text) for number, text in enumerate(TEXTS)]
    document = {"apiVersion": "v1", "kind": "List", "items": objects}
    done = server.kubectl("create", "--dry-run=server", "--filename=-", stdin=json.dumps(document))
    created = {int(name) for name in re.findall(r"/x(\d+) created", done.stdout)}
    assert len(created) + done.stderr.count("(bad-annotation)") == len(TEXTS), done.stderr
    judged = {text: (can_be_read(row, text), number in created) for number, text in enumerate(TEXTS)}
    assert {text: pair for text, pair in judged.items() if pair[0] != pair[1]} == {}
    assert any(pair[1] for pair in judged.values())


def test_an_annotation_stands_where_it_has_a_meaning(server: ApiServer) -> None:
    said = refusals(
        server,
        [
            resource("BGPPeer", "p", {"peerIP": "192.0.2.1"}, {"bgpctl.io/always-compare-med": "true"}),
            resource("BGPConfiguration", "default", {}, {"bgpctl.io/role": "customer"}),
            resource("IPPool", "p", {"cidr": "10.0.0.0/16"}, {"bgpctl.io/hold-time": "9s"}),
            resource("BGPPeer", "p", {"peerIP": "192.0.2.1"}, {"bgpctl.io/hold-tme": "9s", "example.org/any": "thing"}),
            resource("BGPPeer", "p", {"peerIP": "192.0.2.1"}, {"example.org/any": "thing"}),
        ],
    )
    assert said == [
        "BGPPeer has no annotation bgpctl.io/always-compare-med (unknown-annotation, misplaced-annotation)",
        "BGPConfiguration has no annotation bgpctl.io/role (unknown-annotation, misplaced-annotation)",
        "IPPool has no annotation bgpctl.io/hold-time (unknown-annotation, misplaced-annotation)",
        "BGPPeer has no annotation bgpctl.io/hold-tme (unknown-annotation, misplaced-annotation)",
        "",
    ]


def test_what_has_no_effect_is_a_warning(server: ApiServer) -> None:
    for each, code in (
        (resource("BGPPeer", "p", {}), "no-remote"),
        (resource("BGPPeer", "p", {"peerIP": "192.0.2.1"}), "missing-as-number"),
        (resource("BGPConfiguration", "defualt", {}), "ignored-name"),
    ):
        done = server.kubectl("create", "--dry-run=server", "--filename=-", stdin=json.dumps(each))
        assert (done.returncode, f"({code})" in done.stderr) == (0, True), done.stderr
    quiet = resource("BGPPeer", "p", {"peerIP": "192.0.2.1", "asNumber": 64512})
    assert server.kubectl("create", "--dry-run=server", "--filename=-", stdin=json.dumps(quiet)).stderr == ""


# ---------------------------------------------------------------------------------------------- between resources


@pytest.fixture
def stored(server: ApiServer) -> Iterator[Any]:
    """Stores resources, and deletes them in the end, the newest first."""
    kept: list[dict[str, Any]] = []

    def store(*objects: dict[str, Any]) -> None:
        kept.extend(objects)
        calico_crds.apply(server, *objects)

    yield store
    for each in reversed(kept):
        document = json.dumps(each)
        eventually(
            lambda document=document: (
                server.kubectl("delete", "--ignore-not-found", "-f", "-", stdin=document).returncode == 0
            ),
            "it is deleted",
            within=20,
        )


@pytest.mark.parametrize("group", GROUPS)
def test_pools_and_networks_of_services_do_not_overlap(server: ApiServer, stored: Any, group: str) -> None:
    stored(
        resource("IPPool", "pods", {"cidr": "10.244.0.0/16"}, group=group),
        resource("BGPConfiguration", "default", {"serviceClusterIPs": [{"cidr": "10.96.0.0/12"}]}, group=group),
    )
    wrong = [
        (
            resource("IPPool", "more", {"cidr": "10.244.128.0/17"}, group=group),
            "overlaps 10.244.0.0/16 of the IPPool pods",
        ),
        (resource("IPPool", "more", {"cidr": "10.240.0.0/12"}, group=group), "overlapping-pools"),
        (resource("IPPool", "more", {"cidr": "10.100.0.0/16"}, group=group), "networks-overlap"),
    ]
    for each, words in wrong:
        eventually(lambda each=each, words=words: words in refusals(server, [each])[0], words, within=20)
    right = [
        resource("IPPool", "more", {"cidr": "10.245.0.0/16"}, group=group),
        resource("IPPool", "more", {"cidr": "fd00::/64"}, group=group),
        resource("IPPool", "more", {"cidr": "10.100.0.0/16", "allowedUses": ["LoadBalancer"]}, group=group),
    ]
    assert refusals(server, right) == [""] * len(right)
    services = {"spec": {"serviceClusterIPs": [{"cidr": "10.244.8.0/24"}]}}
    words = ("patch", f"bgpconfigurations.{group}", "default", "--type=merge", f"--patch={json.dumps(services)}")
    assert "a network of services lies over 10.244.0.0/16 of the IPPool pods" in refusal(server.kubectl(*words).stderr)


@pytest.mark.parametrize("group", GROUPS)
def test_deleting_a_filter_that_is_used_is_a_warning(server: ApiServer, stored: Any, group: str) -> None:
    stored(
        resource("BGPFilter", "used", {}, group=group),
        resource("BGPFilter", "unused", {}, group=group),
        resource("BGPPeer", "tor", {"peerIP": "192.0.2.1", "filters": ["used"]}, group=group),
    )

    def warning(name: str) -> str:
        done = server.kubectl("delete", f"bgpfilters.{group}", name, "--dry-run=server")
        assert done.returncode == 0, done.stderr
        return done.stderr

    wanted = "the BGPPeer tor names this BGPFilter: what it has now stays in force there (missing-filter)"
    eventually(lambda: wanted in warning("used"), "the policy has the BGPPeer", within=20)
    assert warning("unused") == ""


# ---------------------------------------------------------------------------------------------- who writes what


@pytest.fixture
def patched(server: ApiServer, api_server_network: str) -> Iterator[Callable[..., str]]:
    """A request as an agent makes it: token, path, content -> what the API server says; "" when it is done."""
    with inside(api_server_network):
        yield functools.partial(deployed.merge_patch, server)


@pytest.fixture(scope="module")
def nodes(server: ApiServer) -> tuple[str, str]:
    """Two nodes with their NodePlans, and a pod of the agent on the first."""
    for name in ("n1", "n2"):
        metadata = {"name": name}
        calico_crds.apply(server, {"apiVersion": "v1", "kind": "Node", "metadata": metadata})
        spec = {"node": name, "digest": "0" * 12, "plan": {}}
        calico_crds.apply(
            server, {"apiVersion": "bgpctl.io/v1alpha1", "kind": "NodePlan", "metadata": metadata, "spec": spec}
        )
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "agent-n1", "namespace": deployed.SYSTEM},
        "spec": {
            "nodeName": "n1", "serviceAccountName": "bgpctl-agent", "automountServiceAccountToken": False,
            "containers": [{"name": "agent", "image": "bgpctl"}],
        },
    }  # fmt: skip
    calico_crds.apply(server, pod)
    return "n1", "n2"


NODE_PLANS = "/apis/bgpctl.io/v1alpha1/nodeplans"
STATUS = {"status": {"digest": "1" * 12}}


@pytest.mark.parametrize("bound", ["to its pod", "to its node"])
def test_an_agent_writes_the_status_of_its_own_node(
    server: ApiServer, nodes: tuple[str, str], bound: str, patched: Callable[..., str]
) -> None:
    binding = {"pod": "agent-n1"} if bound == "to its pod" else {"node_name": "n1"}
    token = server.token("bgpctl-agent", deployed.SYSTEM, **binding)
    assert patched(token, f"{NODE_PLANS}/n1/status", STATUS) == ""
    assert "the agent of n1 writes the status of its own NodePlan only" in patched(
        token, f"{NODE_PLANS}/n2/status", STATUS
    )
    assert "cannot patch resource" in patched(token, f"{NODE_PLANS}/n1", {"spec": {"digest": "2" * 12}})


def test_a_token_of_no_node_writes_nothing(
    server: ApiServer, nodes: tuple[str, str], patched: Callable[..., str]
) -> None:
    token = server.token("bgpctl-agent", deployed.SYSTEM)
    for name in nodes:
        assert "this token is of no node's pod" in patched(token, f"{NODE_PLANS}/{name}/status", STATUS)


@pytest.mark.parametrize("group", GROUPS)
def test_an_agent_answers_for_its_own_node(
    server: ApiServer, stored: Any, nodes: tuple[str, str], group: str, patched: Callable[..., str]
) -> None:
    for name in nodes:
        spec = {"node": name, "classes": ["BGP"], "updatePeriodSeconds": 10}
        stored(resource("CalicoNodeStatus", f"of-{name}", spec, group=group))
    token = server.token("bgpctl-agent", deployed.SYSTEM, node_name="n1")
    path = f"/apis/{group}/{GROUPS[group]}/caliconodestatuses"
    answer = {"status": {"lastUpdated": "2026-01-01T00:00:00Z"}}
    assert patched(token, f"{path}/of-n1", answer) == ""
    for name, content in (
        ("of-n2", answer),
        ("of-n1", {"spec": {"classes": ["Routes"]}}),
        ("of-n1", {"spec": {"node": "n2"}}),
    ):
        said = patched(token, f"{path}/{name}", content)
        assert "the agent of n1 writes the status of its own CalicoNodeStatuses only" in said


def event(name: str, **changes: Any) -> dict[str, Any]:
    """As the agent of n1 reports it."""
    uid = "00000000-0000-0000-0000-000000000000"
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": "default"},
        "regarding": {"apiVersion": "bgpctl.io/v1alpha1", "kind": "NodePlan", "name": "n1", "uid": uid},
        "type": "Warning", "reason": "SessionDown", "action": "Peer", "note": "it is down",
        "eventTime": "2026-01-01T00:00:00.000000Z",
        "reportingController": "bgpctl.io/agent", "reportingInstance": "n1",
        **changes,
    }  # fmt: skip


def test_an_agent_reports_events_about_its_own_node_plan(
    server: ApiServer, nodes: tuple[str, str], patched: Callable[..., str]
) -> None:
    token = server.token("bgpctl-agent", deployed.SYSTEM, node_name="n1")
    kubeconfig = server.token_kubeconfig(token)

    def refused(each: dict[str, Any], kubeconfig: Any = kubeconfig) -> str:
        done = server.kubectl("create", "--kubeconfig", kubeconfig, "--filename=-", stdin=json.dumps(each))
        return refusal(done.stderr) if done.returncode else ""

    assert refused(event("good")) == ""
    path = "/apis/events.k8s.io/v1/namespaces/default/events"
    series = {"series": {"count": 2, "lastObservedTime": "2026-01-01T00:01:00.000000Z"}}
    assert patched(token, f"{path}/good", series) == ""
    about = event("bad")["regarding"]
    for wrong in (
        {"regarding": {**about, "name": "n2"}},
        {"regarding": {**about, "kind": "Node", "apiVersion": "v1"}},
        {"regarding": {**about, "apiVersion": "example.org/v1"}},
        {"reportingController": "kubelet"},
    ):
        assert "reports events about its own NodePlan only" in refused(event("bad", **wrong)), wrong
    other = event("of-n2", regarding={**about, "name": "n2"})
    calico_crds.run(server, "create", "--filename=-", stdin=json.dumps(other))
    assert "reports events about its own NodePlan only" in patched(token, f"{path}/of-n2", series)
    unbound = server.token_kubeconfig(server.token("bgpctl-agent", deployed.SYSTEM))
    assert "this token is of no node's pod" in refused(event("unbound"), unbound)


def test_others_are_not_looked_at(server: ApiServer, nodes: tuple[str, str]) -> None:
    words = ("patch", "nodeplan", "n2", "--subresource=status", "--type=merge", f"--patch={json.dumps(STATUS)}")
    calico_crds.run(server, *words)


# ---------------------------------------------------------------------------------------------- reflectors

CLUSTER_ID = "projectcalico.org/RouteReflectorClusterID"


@pytest.fixture
def reflector(server: ApiServer) -> Iterator[str]:
    metadata = {"name": "rr1", "annotations": {CLUSTER_ID: "244.0.0.1"}, "labels": {"bgpctl.io/reflector": ""}}
    calico_crds.apply(server, {"apiVersion": "v1", "kind": "Node", "metadata": metadata})
    yield "rr1"
    calico_crds.run(server, "delete", "node", "rr1")


NO_REFLECTOR_ANY_MORE = [
    ("annotate", f"{CLUSTER_ID}-"),
    ("annotate", "--overwrite", f"{CLUSTER_ID}=244.0.0.2"),
    ("label", "bgpctl.io/reflector-"),
]


@pytest.mark.parametrize("words", NO_REFLECTOR_ANY_MORE, ids=lambda words: words[-1])
def test_a_reflector_gives_up_its_role_when_it_is_cordoned(
    server: ApiServer, reflector: str, words: tuple[str, ...]
) -> None:
    command = (words[0], "node", reflector, *words[1:])
    done = server.kubectl(*command)
    assert "this node is a route reflector" in refusal(done.stderr)
    calico_crds.run(server, "label", "node", reflector, "rack=b")
    calico_crds.run(server, "cordon", reflector)
    calico_crds.run(server, *command)


def test_a_kubelet_does_not_make_its_node_a_reflector(server: ApiServer, reflector: str) -> None:
    kubelet = server.client_certificate_kubeconfig(f"system:node:{reflector}", ["system:nodes"])
    for name, value in ((CLUSTER_ID, "244.0.0.9"), ("projectcalico.org/ASNumber", "64999")):
        done = server.kubectl("--kubeconfig", kubelet, "annotate", "node", reflector, "--overwrite", f"{name}={value}")
        assert "denied request" in done.stderr, done.stderr
    done = server.kubectl("--kubeconfig", kubelet, "annotate", "node", reflector, "example.org/any=thing")
    assert done.returncode == 0, done.stderr
    calico_crds.run(server, "annotate", "node", reflector, "projectcalico.org/ASNumber=64999")


# ---------------------------------------------------------------------------------------------- teams


@pytest.fixture(scope="module")
def blue(server: ApiServer) -> Any:
    calico_crds.run(
        server,
        "create",
        "clusterrolebinding",
        "blue",
        "--clusterrole=bgpctl-operator-write",
        "--group=bgpctl-team:blue",
    )
    calico_crds.run(
        server,
        "create",
        "clusterrolebinding",
        "blue-reads",
        "--clusterrole=bgpctl-operator-read",
        "--group=bgpctl-team:blue",
    )
    return server.client_certificate_kubeconfig("ann", ["bgpctl-team:blue"])


def test_a_team_writes_its_own_objects(server: ApiServer, stored: Any, blue: Any) -> None:
    spec = {"peerIP": "192.0.2.9", "asNumber": 64999}
    own = resource("BGPPeer", "blue-tor", spec, labels={"bgpctl.io/team": "blue"})
    others = resource("BGPPeer", "red-tor", spec, labels={"bgpctl.io/team": "red"})
    stored(others)

    def apply(each: dict[str, Any]) -> str:
        words = ("--kubeconfig", blue, "apply", "--server-side", "--force-conflicts", "--filename=-")
        done = server.kubectl(*words, stdin=json.dumps(each))
        return done.stderr if done.returncode else ""

    eventually(lambda: "forbidden: User" not in apply(own), "the role is bound", within=20)
    assert apply(own) == ""
    assert apply({**own, "spec": {**spec, "asNumber": 65000}}) == ""
    for each in (
        others,
        {**others, "metadata": {"name": "red-tor", "labels": {"bgpctl.io/team": "blue"}}},
        {**own, "metadata": {"name": "blue-tor", "labels": {"bgpctl.io/team": "red"}}},
        resource("BGPPeer", "unlabelled", spec),
    ):
        assert "does not have the label bgpctl.io/team of your team (blue)" in apply(each)
    done = server.kubectl("--kubeconfig", blue, "delete", "bgppeers.projectcalico.org", "red-tor")
    assert "does not have the label" in done.stderr
    calico_crds.run(server, "delete", "bgppeers.projectcalico.org", "blue-tor", "--kubeconfig", str(blue))


def test_the_audit_log_says_who_changed_what(server: ApiServer, blue: Any) -> None:
    mine = resource("BGPFilter", "audited", {}, labels={"bgpctl.io/team": "blue"})
    eventually(
        lambda: server.kubectl("--kubeconfig", blue, "create", "--filename=-", stdin=json.dumps(mine)).returncode == 0,
        "the role is bound", within=20,
    )  # fmt: skip
    wanted = ("ann", "create", "bgpfilters.projectcalico.org", 201)
    eventually(
        lambda: wanted in {(each.user, each.verb, each.resource, each.status) for each in server.requests()},
        "the audit log has it", within=20,
    )  # fmt: skip
    calico_crds.run(server, "delete", "bgpfilters.projectcalico.org", "audited")
