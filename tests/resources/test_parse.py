"""From texts to resources: what is read, and that every mistake is found where it stands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bgpctl.resources import Loaded, parse_documents
from bgpctl.yaml_source.problem import Problem, Severity

NODE = """\
apiVersion: projectcalico.org/v3
kind: Node
metadata:
  name: a1
  labels:
    route-reflector: yes
    weight: 010
spec:
  bgp:
    ipv4Address: 10.0.0.1/24
"""

PEER = """\
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata:
  name: tor
spec:
  peerIP: 192.0.2.1
  asNumber: 64513
"""


def load(*texts: str) -> Loaded:
    return parse_documents([(f"{index}.yaml", text) for index, text in enumerate(texts)])


def errors(loaded: Loaded) -> list[tuple[str, int, str, str]]:
    return [
        (problem.file, problem.line, problem.path, problem.code)
        for problem in loaded.problems
        if problem.severity is Severity.ERROR
    ]


def only(loaded: Loaded) -> Problem:
    (problem,) = loaded.problems
    return problem


def test_labels_become_text() -> None:
    assert load(NODE).resources.nodes["a1"].metadata.labels == {"route-reflector": "true", "weight": "8"}


def test_resource_knows_where_it_came_from() -> None:
    loaded = load("# first\n---\n" + NODE + "---\n" + PEER)
    location = loaded.resources.location(loaded.resources.bgp_peers["tor"])
    assert (location.file, location.line) == ("0.yaml", 14)


def test_every_problem_of_a_resource_is_found_at_its_line() -> None:
    peer = PEER.replace("64513", "-1") + "  nodeSelector: a = 'x'\n  filtres: []\n"
    assert errors(load(peer)) == [
        ("0.yaml", 7, "$.spec.asNumber", "out-of-range"),
        ("0.yaml", 8, "$.spec.nodeSelector", "bad-selector"),
        ("0.yaml", 9, "$.spec.filtres", "unknown-field"),
    ]


def test_broken_rule_is_not_hidden_behind_a_bad_field() -> None:
    peer = PEER.replace("64513", "-1") + "  node: a1\n  nodeSelector: all()\n"
    assert [code for _, _, _, code in errors(load(peer))] == ["out-of-range", "exclusive-fields"]


def test_rule_that_reads_a_bad_field_keeps_silent() -> None:
    peer = PEER.replace("192.0.2.1", "999.0.2.1") + "  reachableBy: 192.0.2.254\n"
    assert errors(load(peer)) == [("0.yaml", 6, "$.spec.peerIP", "not-a-peer-address")]


def test_bad_document_hides_no_other() -> None:
    loaded = load(PEER.replace("asNumber", "asNumbers") + "---\na: [\n---\n" + NODE)
    assert errors(loaded) == [
        ("0.yaml", 7, "$.spec.asNumbers", "unknown-field"),
        ("0.yaml", 9, "$", "not-yaml"),
    ]
    assert list(loaded.resources.nodes) == ["a1"]


def test_misspelt_field_is_told_its_name() -> None:
    assert "did you mean 'peerIP'" in only(load(PEER.replace("peerIP", "peerIp"))).message


def test_snake_case_is_not_accepted_in_files() -> None:
    assert only(load(PEER.replace("peerIP", "peer_ip").replace("  asNumber: 64513\n", ""))).code == "unknown-field"


def test_same_resource_twice_is_an_error_at_the_second() -> None:
    problem = only(load(PEER, PEER))
    assert (problem.file, problem.code) == ("1.yaml", "duplicate-resource")
    assert "0.yaml:1" in problem.message


def test_list_items_are_resources_with_their_own_lines() -> None:
    items = "".join("- " + part.replace("\n", "\n  ").rstrip(" ") for part in (NODE, PEER.replace("64513", "x")))
    loaded = load("apiVersion: v1\nkind: List\nitems:\n" + items)
    assert list(loaded.resources.nodes) == ["a1"]
    assert errors(loaded) == [("0.yaml", 20, "$.items[1].spec.asNumber", "not-an-as-number")]


def test_typed_list_gives_its_items_their_kind() -> None:
    text = '{"apiVersion": "projectcalico.org/v3", "kind": "BGPFilterList", "items": [{"metadata": {"name": "f"}}]}'
    assert list(load(text).resources.bgp_filters) == ["f"]


@pytest.mark.parametrize(
    ("api_version", "kind", "severity"),
    [
        ("apps/v1", "Deployment", Severity.WARNING),
        ("metallb.io/v1beta2", "BGPPeer", Severity.WARNING),
        ("projectcalico.org/v3", "NetworkPolicy", Severity.WARNING),
        ("projectcalico.org/v3", "BgpPeer", Severity.ERROR),
        ("projectcalico.org/v3", "BGPPeers", Severity.ERROR),
        ("projectcalico.org/v1", "BGPPeer", Severity.ERROR),
        ("v3", "BGPPeer", Severity.ERROR),
        ("v1", "BGPPeer", Severity.ERROR),
        ("v1", "bgpPeer", Severity.ERROR),
        ("apps/v1", "IPPool", Severity.ERROR),
        ("ProjectCalico.org/v3", "BGPPeer", Severity.ERROR),
        ("projectcalico/v3", "bgppeer", Severity.ERROR),
        ("project-calico.org/v3", "BGPFilter", Severity.ERROR),
        ("crd.projectcalico.org/v3", "BGPFilter", Severity.ERROR),
        ("crd.projectcalico.org/v1", "Node", Severity.ERROR),
        ("projectcalico.org/v3", "Ippool", Severity.ERROR),
        ("projectcalico.org/v3", "BGPPeerlist", Severity.ERROR),
        ("projectcalico.org/v3", "Secret", Severity.ERROR),
        ("V1", "Secret", Severity.ERROR),
        ("v1", "secret", Severity.ERROR),
        ("v1", "Services", Severity.ERROR),
        ("v1", "node", Severity.ERROR),
        ("v1", "list", Severity.ERROR),
        ("v1", "EndpointSlice", Severity.ERROR),
        ("discovery.k8s.io/v1beta1", "EndpointSlice", Severity.ERROR),
        ("discovery.k8s.io/v1", "Endpointslice", Severity.ERROR),
        ("v1", "Endpoints", Severity.WARNING),
        ("v1", "ConfigMap", Severity.WARNING),
        ("v1", "ServiceAccount", Severity.WARNING),
        ("v1", "Pod", Severity.WARNING),
        ("v1", "Namespace", Severity.WARNING),
        ("serving.knative.dev/v1", "Service", Severity.WARNING),
        ("metallb.io/v1beta1", "IPAddressPool", Severity.WARNING),
        ("cilium.io/v2alpha1", "CiliumBGPPeeringPolicy", Severity.WARNING),
        ("projectcalico.org/v3", "IPReservation", Severity.WARNING),
        ("projectcalico.org/v3", "KubeControllersConfiguration", Severity.WARNING),
        ("projectcalico.org/v3", "GlobalNetworkSet", Severity.WARNING),
        ("projectcalico.org/v3", "HostEndpoint", Severity.WARNING),
        ("crd.projectcalico.org/v1", "IPAMBlock", Severity.WARNING),
        ("operator.tigera.io/v1", "Installation", Severity.WARNING),
        ("networking.k8s.io/v1", "NetworkPolicy", Severity.WARNING),
    ],
)
def test_kind_that_is_not_ours_is_a_warning_unless_it_was_meant(
    api_version: str, kind: str, severity: Severity
) -> None:
    problem = only(load(f"apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: x}}\n"))
    assert (problem.code, problem.severity) == ("unsupported-kind", severity)


@pytest.mark.parametrize(
    ("api_version", "kind", "field", "words"),
    [
        ("v1", "bgpPeer", "$.kind", ("'BGPPeer'", "'projectcalico.org/v3'")),
        ("ProjectCalico.org/v3", "BGPPeer", "$.apiVersion", ("'projectcalico.org/v3'",)),
        ("crd.projectcalico.org/v2", "BGPPeer", "$.apiVersion", ("'crd.projectcalico.org/v1'",)),
        ("v1", "EndpointSlice", "$.apiVersion", ("'discovery.k8s.io/v1'",)),
        ("projectcalico.org/v3", "Secret", "$.apiVersion", ("'v1'",)),
        ("v1", "list", "$.kind", ("'List'",)),
    ],
)
def test_the_right_spelling_is_named(api_version: str, kind: str, field: str, words: tuple[str, ...]) -> None:
    problem = only(load(f"apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: x}}\n"))
    assert problem.path == field
    assert all(word in problem.message for word in words), problem.message


def test_legacy_api_version_is_accepted() -> None:
    text = """\
apiVersion: crd.projectcalico.org/v1
kind: BlockAffinity
metadata: {name: a1-10-1-0-0-26}
spec: {node: a1, cidr: 10.1.0.0/26, state: confirmed, deleted: "false"}
"""
    assert load(text).resources.block_affinities["a1-10-1-0-0-26"].spec.cidr == "10.1.0.0/26"


def test_empty_and_comment_only_files_are_no_problem() -> None:
    assert load("", "# nothing\n", "---\n---\n").problems == ()


def test_text_that_is_no_resource_is_an_error() -> None:
    assert [code for *_, code in errors(load("hello", "a: 1"))] == ["not-a-resource", "not-a-resource"]


KUBERNETES_NODE = """\
apiVersion: v1
kind: Node
metadata:
  name: a1
  labels: {rack: r1, zone: kubernetes}
  annotations:
    projectcalico.org/IPv4Address: 10.0.0.9/24
    projectcalico.org/ASNumber: "65000"
    projectcalico.org/RouteReflectorClusterID: 244.0.0.1
spec:
  podCIDR: 10.244.0.0/24
"""


def test_kubernetes_node_is_read_from_its_annotations() -> None:
    node = load(KUBERNETES_NODE).resources.nodes["a1"]
    assert (node.address(4), node.as_number, node.cluster_id) == ("10.0.0.9", 65000, "244.0.0.1")
    assert node.status.pod_cidrs == ("10.244.0.0/24",)


def test_bad_annotation_is_named_as_such() -> None:
    text = KUBERNETES_NODE.replace("244.0.0.1", "here")
    path = "$.metadata.annotations['projectcalico.org/RouteReflectorClusterID']"
    assert errors(load(text)) == [("0.yaml", 9, path, "not-an-address")]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_calico_node_and_kubernetes_node_are_one(order: tuple[int, int]) -> None:
    texts = (NODE.replace("weight: 010", "zone: calico"), KUBERNETES_NODE)
    loaded = load(*(texts[index] for index in order))
    node = loaded.resources.nodes["a1"]
    assert loaded.problems == ()
    assert node.metadata.labels == {"rack": "r1", "zone": "calico", "route-reflector": "true"}
    assert (node.address(4), node.status.pod_cidrs) == ("10.0.0.1", ("10.244.0.0/24",))


def test_secret_is_decoded_and_never_shown() -> None:
    text = """\
apiVersion: v1
kind: Secret
metadata: {name: bgp, namespace: kube-system}
data: {tor: aHVzaA==}
stringData: {mesh: quiet}
"""
    secret = load(text).resources.secrets["kube-system", "bgp"]
    assert [secret.value(key) for key in ("tor", "mesh", "gone")] == ["hush", "quiet", None]
    assert "hush" not in f"{secret!r}{secret}{load(text)!r}"
    assert "quiet" not in f"{secret!r}{secret}{load(text)!r}"


def test_problem_of_a_secret_does_not_tell_it() -> None:
    text = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {k: hush!}\nstringData: {q: 4711}\n"
    problems = " ".join(map(str, load(text).problems))
    assert "not-base64" in problems
    assert "wrong-type" in problems
    assert "hush" not in problems
    assert "4711" not in problems


documents = [NODE, NODE.replace("a1", "a2").replace("10.0.0.1", "10.0.0.2"), PEER, KUBERNETES_NODE, "a: [", "hello"]


@given(st.permutations(documents))
def test_order_of_files_does_not_matter(texts: list[str]) -> None:
    expected, found = load(*documents), load(*texts)
    assert found.resources == expected.resources
    assert list(found.resources.nodes) == list(expected.resources.nodes)
    assert sorted(each.code for each in found.problems) == sorted(each.code for each in expected.problems)


@given(st.lists(st.sampled_from(documents), max_size=5), st.lists(st.sampled_from(documents), max_size=5))
def test_reading_again_gives_what_reading_afresh_gives(before: list[str], after: list[str]) -> None:
    first = parse_documents([("x.yaml", "---\n".join(before))])
    sources = [("x.yaml", "---\n".join(after))]
    assert parse_documents(sources, first) == parse_documents(sources)


files = st.dictionaries(st.sampled_from("abcd"), st.sampled_from([*documents, f"{NODE}---\n{PEER}"]), max_size=4)


@given(st.lists(files, min_size=2, max_size=4))
def test_files_that_come_and_go_give_what_reading_afresh_gives(states: list[dict[str, str]]) -> None:
    loaded = None
    for state in states:
        loaded = parse_documents(sorted(state.items()), loaded)
        fresh = parse_documents(sorted(state.items()))
        assert loaded == fresh
        assert loaded.resources.locations == fresh.resources.locations
        assert list(loaded.resources.nodes) == list(fresh.resources.nodes)


def test_unchanged_document_is_not_parsed_again() -> None:
    first = load(NODE + "---\n" + PEER)
    second = parse_documents([("0.yaml", NODE.replace("10.0.0.1", "10.0.0.7") + "---\n" + PEER)], first)
    assert second.resources.nodes["a1"].address(4) == "10.0.0.7"
    assert second.resources.bgp_peers["tor"] is first.resources.bgp_peers["tor"]


# --------------------------------------------------------------- what is parsed later is checked here

SERVICE = """\
apiVersion: v1
kind: Service
metadata: {{name: web}}
spec: {{type: LoadBalancer, clusterIP: {cluster}, clusterIPs: ["{cluster}"], externalIPs: [{external}]}}
status: {{loadBalancer: {{ingress: [{{ip: {ingress}}}]}}}}
"""


@pytest.mark.parametrize("text", ["lb.example.com", "10.0.0.0/8", "10.0.0", "fe80::1%eth0", "none", "10.0.0.1:80"])
def test_addresses_of_a_service_are_addresses(text: str) -> None:
    found = errors(load(SERVICE.format(cluster=text, external=text, ingress=text)))
    assert {path for _, _, path, _ in found} == {
        "$.spec.clusterIP",
        "$.spec.clusterIPs[0]",
        "$.spec.externalIPs[0]",
        "$.status.loadBalancer.ingress[0].ip",
    }
    assert {code for _, _, _, code in found} == {"not-an-address"}


def test_headless_service_has_no_address() -> None:
    service = load(SERVICE.format(cluster="None", external="192.0.2.1", ingress="192.0.2.2")).resources.services
    assert service["default", "web"].spec.cluster_ips == ("None",)


def test_load_balancer_ip_may_be_any_text_and_is_warned_about() -> None:
    """API servers take any text, and Calico asks for nothing then."""
    loaded = load(
        "apiVersion: v1\nkind: Service\nmetadata: {name: web}\n"
        "spec: {type: LoadBalancer, clusterIP: 10.96.0.10, loadBalancerIP: lb.example.com}\n"
    )
    problem = only(loaded)
    assert (problem.line, problem.path, problem.code) == (4, "$.spec.loadBalancerIP", "load-balancer-ip")
    assert loaded.ok
    assert loaded.resources.services["default", "web"].spec.asked_address == ""


@pytest.mark.parametrize("text", ["é", "a", "=", "a=b=", '"YWJj\\u00a0"', '"\\u2003YWJj"', '"\\u0085"'])
def test_data_of_a_secret_is_base64(text: str) -> None:
    problem = only(load(f"apiVersion: v1\nkind: Secret\nmetadata: {{name: keys}}\ndata: {{key: {text}}}\n"))
    assert (problem.path, problem.code) == ("$.data.key", "not-base64")


def test_data_of_a_secret_may_be_folded() -> None:
    loaded = load("apiVersion: v1\nkind: Secret\nmetadata: {name: keys}\ndata:\n  key: >\n    YW\n    Jj\n")
    assert not loaded.problems
    (secret,) = loaded.resources.secrets.values()
    assert secret.value("key") == "abc"


@pytest.mark.parametrize("field", ["maxRestartTime", "reachableBy", "nodeSelector", "sourceAddress", "x" * 100_000])
def test_a_sentence_about_a_text_of_any_length_fits_a_screen(field: str) -> None:
    head = "apiVersion: projectcalico.org/v3\nkind: BGPPeer\nmetadata: {name: a}\nspec:\n"
    loaded = load(f"{head}  peerIP: 192.0.2.1\n  ? {field}\n  : {'x' * 200_000}\n")
    assert loaded.problems
    assert all(len(str(each)) < 2500 for each in loaded.problems)


def test_what_is_shown_says_nothing_to_the_terminal() -> None:
    text = 'apiVersion: projectcalico.org/v3\nkind: BGPPeer\nmetadata: {name: "a\\e[31mb"}\nspec: {"\\e]0;x": 1}\n'
    problems = [str(each) for each in load(text).problems]
    assert problems
    assert all(each.isprintable() for each in problems)


@pytest.mark.parametrize("text", ["9" * 40 + "s", "9" * 5000 + "h", "9223372037s"])
def test_duration_that_go_cannot_hold_is_refused(text: str) -> None:
    problem = only(load(PEER + f"  keepaliveTime: {text}\n"))
    assert (problem.path, problem.code) == ("$.spec.keepaliveTime", "not-a-duration")


def test_empty_pod_cidr_is_refused() -> None:
    found = only(load('apiVersion: v1\nkind: Node\nmetadata: {name: n}\nspec: {podCIDRs: [""]}\n'))
    assert (found.path, found.code) == ("$.spec.podCIDRs[0]", "too-short")


@pytest.mark.parametrize(("text", "number"), [('"64512"', 64512), ('"4294.566"', 4294 * 65536 + 566), ("64512", 64512)])
def test_as_numbers_may_be_text(text: str, number: int) -> None:
    peer = load(PEER.replace("64513", text) + f"  localASNumber: {text}\n").resources.bgp_peers["tor"].spec
    assert (peer.as_number, peer.local_as_number) == (number, number)
    meta = "apiVersion: projectcalico.org/v3\nkind: BGPConfiguration\nmetadata: {name: default}\n"
    configuration = load(meta + f"spec: {{asNumber: {text}}}\n").resources.bgp_configurations["default"]
    assert configuration.spec.as_number == number


@pytest.mark.parametrize("text", ['"x"', '"1.2.3"', '"65536.1"', '"4294967296"', '"-1"', '""'])
def test_text_that_is_no_as_number_is_refused(text: str) -> None:
    assert only(load(PEER.replace("64513", text))).path == "$.spec.asNumber"
