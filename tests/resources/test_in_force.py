"""What is in force while resources are invalid: the last good version, or what the table says for the kind."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from bgpctl.compiler import compile_node
from bgpctl.resources import Loaded, parse_documents
from bgpctl.resources.in_force.in_force import InForce, in_force
from bgpctl.resources.in_force.kind_rules import KIND_RULES
from bgpctl.resources.in_force.outcome import Outcome
from bgpctl.resources.in_force.page import render_page
from bgpctl.resources.in_force.versions import Versions, texts, versions_of_texts
from bgpctl.resources.reading.unusable import UNKNOWN
from bgpctl.resources.resource_set import COLLECTION_OF_KIND
from reflector.plan import NodePlan

PAGE = Path(__file__).parents[2] / "docs" / "invalid-resources.md"
CALICO = "projectcalico.org/v3"


def document(kind: str, name: str, api: str = CALICO, **body: Any) -> str:
    namespace = {"namespace": "kube-system"} if api in ("v1", "discovery.k8s.io/v1") and kind != "Node" else {}
    return yaml.safe_dump({"apiVersion": api, "kind": kind, "metadata": {"name": name, **namespace}, **body})


# Of each kind a valid resource, and the same one with a field that is not.
GOOD: dict[str, str] = {
    "Node": document("Node", "b", spec={"bgp": {"ipv4Address": "10.0.0.2/24"}}),
    "BGPPeer": document("BGPPeer", "tor", spec={"peerIP": "10.0.0.9", "asNumber": 65001, "filters": ["f"]}),
    "BGPConfiguration": document("BGPConfiguration", "default", spec={"asNumber": 64600}),
    "BGPFilter": document("BGPFilter", "f", spec={"exportV4": [{"action": "Reject"}]}),
    "IPPool": document("IPPool", "pods", spec={"cidr": "10.64.0.0/16", "vxlanMode": "Always"}),
    "BlockAffinity": document("BlockAffinity", "a-1", spec={"node": "a", "cidr": "10.64.1.0/26", "state": "confirmed"}),
    "Service": document("Service", "web", "v1", spec={"clusterIP": "10.96.0.10"}),
    "EndpointSlice": document("EndpointSlice", "web-1", "discovery.k8s.io/v1", addressType="IPv4", endpoints=[]),
    "Secret": document("Secret", "bgp", "v1", data={"key": "c2VjcmV0"}),
    "ClusterInformation": document("ClusterInformation", "default", spec={"calicoVersion": "v3.30.1"}),
    "FelixConfiguration": document("FelixConfiguration", "default", spec={"vxlanVNI": 4097}),
    "CalicoNodeStatus": document(
        "CalicoNodeStatus", "a", spec={"node": "a", "classes": ["BGP"], "updatePeriodSeconds": 10}
    ),
}
BAD: dict[str, tuple[str, str]] = {
    "Node": ("10.0.0.2/24", "nowhere"),
    "BGPPeer": ("10.0.0.9", "nowhere"),
    "BGPConfiguration": ("64600", "[]"),
    "BGPFilter": ("Reject", "reject"),
    "IPPool": ("vxlanMode: Always", "vxlanMode: Sometimes"),
    "BlockAffinity": ("confirmed", "unheard-of"),
    "Service": ("10.96.0.10", "nowhere"),
    "EndpointSlice": ("IPv4", "IPX"),
    "Secret": ("c2VjcmV0", "not base64"),
    "ClusterInformation": ("v3.30.1", "[]"),
    "FelixConfiguration": ("4097", "-1"),
    "CalicoNodeStatus": ("- BGP", "- bgp"),
}
SECRET = ("kube-system", "bgp")
OWN = document("Node", "a", spec={"bgp": {"ipv4Address": "10.0.0.1/24"}})
NEW_BLOCK = document("BlockAffinity", "a-2", spec={"node": "a", "cidr": "10.64.2.0/26", "state": "confirmed"})


def bad(kind: str) -> str:
    old, new = BAD[kind]
    assert old in GOOD[kind]
    return GOOD[kind].replace(old, new)


def cluster(**others: str) -> dict[str, str]:
    """A file for each kind."""
    return {f"{kind}.yaml": others.get(kind, text) for kind, text in GOOD.items()} | {"own.yaml": OWN}


def load(files: Mapping[str, str]) -> Loaded:
    return parse_documents(files.items())


def after(files: Mapping[str, str], before: Mapping[str, str]) -> InForce:
    return in_force(load(files), in_force(load(before)).versions)


def outcomes(found: InForce) -> dict[str, Outcome]:
    return {each.name: each.outcome for each in found.invalid}


def restarted(versions: Versions) -> Versions:
    """As the next agent has them."""
    return versions_of_texts(texts(versions, {SECRET}))


def plan(found: InForce, node: str = "a") -> NodePlan:
    return compile_node(found.resources, node).plan


def test_page_is_that_of_the_table() -> None:
    """Write it again with: python -m bgpctl.resources.in_force.page > docs/invalid-resources.md"""
    assert PAGE.read_text() == render_page()


def test_every_kind_has_its_rule() -> None:
    assert KIND_RULES.keys() == COLLECTION_OF_KIND.keys() | {UNKNOWN}
    assert GOOD.keys() == COLLECTION_OF_KIND.keys()


def test_without_errors_what_is_written_is_in_force() -> None:
    loaded = load(cluster())
    found = in_force(loaded)
    assert found.resources is loaded.resources
    assert (found.invalid, found.is_complete) == ((), True)


@pytest.mark.parametrize("kind", GOOD)
def test_last_good_version_stays_and_the_rest_is_followed(kind: str) -> None:
    good = load(cluster())
    found = after(cluster(**{kind: bad(kind)}) | {"new.yaml": NEW_BLOCK}, cluster())
    (invalid,) = found.invalid
    assert (invalid.outcome, invalid.file, invalid.line, invalid.is_complete) == (
        Outcome.LAST_GOOD,
        f"{kind}.yaml",
        1,
        True,
    )
    name = COLLECTION_OF_KIND[kind]
    expected = {**getattr(good.resources, name)}
    if kind == "BlockAffinity":
        expected["a-2"] = found.resources.block_affinities["a-2"]
    assert getattr(found.resources, name) == expected
    assert "10.64.2.0/26" in [each.prefix for each in plan(found).originations]


@pytest.mark.parametrize("kind", GOOD)
def test_without_a_version_before_the_table_says_what_counts(kind: str) -> None:
    found = in_force(load(cluster(**{kind: bad(kind)})))
    (invalid,) = [each for each in found.invalid if not each.why]
    assert invalid.outcome is KIND_RULES[kind].without
    assert found.is_complete == (kind != "Node")
    assert invalid.holds_up("a") == (kind == "BGPConfiguration")


@pytest.mark.parametrize("kind", GOOD)
def test_a_version_that_is_good_again_is_in_force(kind: str) -> None:
    first = in_force(load(cluster()))
    second = in_force(load(cluster(**{kind: bad(kind)})), first.versions)
    third = in_force(load(cluster()), second.versions)
    assert (third.resources, third.invalid) == (first.resources, ())


@pytest.mark.parametrize("kind", GOOD)
def test_last_good_versions_outlive_the_agent_as_text(kind: str) -> None:
    running = after(cluster(**{kind: bad(kind)}), cluster())
    files = cluster(**{kind: bad(kind)}) | {"new.yaml": NEW_BLOCK}
    again = in_force(load(files), restarted(running.versions))
    assert again == in_force(load(files), running.versions)
    assert outcomes(again) == outcomes(running)


@pytest.mark.parametrize("kind", GOOD)
def test_an_invalid_resource_that_is_removed_is_removed(kind: str) -> None:
    second = after(cluster(**{kind: bad(kind)}), cluster())
    files = {name: text for name, text in cluster().items() if name != f"{kind}.yaml"}
    if kind == "BGPFilter":
        files["BGPPeer.yaml"] = document("BGPPeer", "tor", spec={"peerIP": "10.0.0.9", "asNumber": 65001})
    third = in_force(load(files), second.versions)
    assert third.invalid == ()
    left = {"a"} if kind == "Node" else set()
    assert set(getattr(third.resources, COLLECTION_OF_KIND[kind])) == left


# ------------------------------------------------------------------------------------------ what is no resource


@pytest.mark.parametrize(
    "garbage",
    [
        "{{{ not yaml",
        "- a\n- list\n",
        "kind: Node\nmetadata: {name: b}\n",
        "apiVersion: projectcalico.org/v3\nkind: Nodes\nmetadata: {name: b}\n",
        "apiVersion: projectcalico.org/v3\nkind: Node\nmetadata: {name: 'not a name'}\n",
        "apiVersion: projectcalico.org/v3\nkind: Node\nmetadata: {}\n",
        "apiVersion: projectcalico.org/v3\nkind: Node\nmetadata: {name: [b]}\n",
        "apiVersion: projectcalico.org/v3\nkind: Node\nmetadata: {name: b, name: c}\n",
    ],
)
def test_a_file_that_becomes_garbage_removes_nothing(garbage: str) -> None:
    found = after(cluster(Node=garbage), cluster())
    assert list(found.resources.nodes) == ["a", "b"]
    assert (found.is_complete, len(found.invalid)) == (True, 1)


def test_of_a_file_with_a_document_that_is_garbage_the_others_are_followed() -> None:
    third = document("Node", "c", spec={"bgp": {"ipv4Address": "10.0.0.3/24"}})
    moved = third.replace("10.0.0.3", "10.0.0.4")
    found = after(cluster(Node=f"{moved}---\n[\n"), cluster(Node=f"{GOOD['Node']}---\n{third}"))
    assert list(found.resources.nodes) == ["a", "b", "c"]
    assert found.resources.nodes["c"].address(4) == "10.0.0.4"


def test_a_file_that_is_renamed_and_spoiled_in_one_removes_nothing() -> None:
    files = cluster()
    del files["Node.yaml"]
    found = after(files | {"nodes-2.yaml": "["}, cluster())
    assert list(found.resources.nodes) == ["a", "b"]


def test_garbage_beside_good_files_removes_nothing_and_is_not_complete() -> None:
    files = cluster()
    del files["BGPPeer.yaml"]
    found = after(files | {"README.yaml": "["}, cluster() | {"README.yaml": "["})
    assert list(found.resources.bgp_peers) == []
    assert not found.is_complete


def test_a_key_that_stands_twice_makes_its_resource_invalid() -> None:
    twice = GOOD["Node"].replace("ipv4Address: 10.0.0.2/24", "ipv4Address: 10.0.0.7/24\n    ipv4Address: 10.0.0.8/24")
    assert after(cluster(Node=twice), cluster()).resources.nodes["b"].address(4) == "10.0.0.2"
    assert "b" not in in_force(load(cluster(Node=twice))).resources.nodes


def test_a_kubernetes_node_does_not_take_the_place_of_an_invalid_calico_node() -> None:
    kubernetes = document("Node", "b", "v1")
    before = cluster() | {"kubernetes.yaml": kubernetes}
    assert after(before | {"Node.yaml": bad("Node")}, before).resources.nodes["b"].address(4) == "10.0.0.2"


# ------------------------------------------------------------------------------------------ more than one resource


def test_of_a_resource_that_is_written_twice_the_version_before_counts() -> None:
    other = GOOD["Node"].replace("10.0.0.2", "10.0.0.7")
    twice = {"0-first.yaml": other} | cluster()
    assert after(twice, cluster()).resources.nodes["b"].address(4) == "10.0.0.2"
    first = in_force(load(twice))
    assert (first.resources.nodes["b"].address(4), outcomes(first)) == ("10.0.0.7", {"Node/b": Outcome.FIRST})


@pytest.mark.parametrize("name", ["a-new-one", "z-new-one"])
def test_a_pool_that_overlaps_one_that_was_there_is_not_in_force(name: str) -> None:
    new = document("IPPool", name, spec={"cidr": "10.64.0.0/18"})
    found = after(cluster() | {"new.yaml": new}, cluster())
    assert list(found.resources.ip_pools) == ["pods"]
    assert outcomes(found) == {f"IPPool/{name}": Outcome.ABSENT}
    again = in_force(load(cluster() | {"new.yaml": new}), restarted(found.versions))
    assert list(again.resources.ip_pools) == ["pods"]


def test_a_pool_that_is_changed_so_that_it_overlaps_stays_as_it_was() -> None:
    other = document("IPPool", "a-pool", spec={"cidr": "10.65.0.0/16"})
    before = cluster() | {"other.yaml": other}
    found = after(before | {"other.yaml": other.replace("10.65.0.0/16", "10.64.0.0/16")}, before)
    assert found.resources.ip_pools["a-pool"].spec.cidr == "10.65.0.0/16"
    assert outcomes(found) == {"IPPool/a-pool": Outcome.LAST_GOOD}


def test_overlapping_pools_at_a_first_start_leave_the_first_by_name() -> None:
    found = in_force(load(cluster() | {"new.yaml": document("IPPool", "z", spec={"cidr": "10.64.0.0/18"})}))
    assert list(found.resources.ip_pools) == ["pods"]


# ------------------------------------------------------------------------------------------ what waits


def test_a_session_never_runs_without_a_filter_that_it_names() -> None:
    found = in_force(load(cluster(BGPFilter=bad("BGPFilter"))))
    (suppressed,) = plan(found).suppressed
    assert suppressed.peer_address == "10.0.0.9"
    assert "no valid version of the BGPFilter 'f'" in suppressed.reason
    assert [each.peer_address for each in plan(found).sessions] == ["10.0.0.2"]


def test_a_filter_that_is_removed_while_a_peer_names_it_stays_in_force() -> None:
    files = cluster()
    del files["BGPFilter.yaml"]
    found = after(files, cluster())
    assert list(found.resources.bgp_filters) == ["f"]
    assert plan(found) == plan(in_force(load(cluster())))
    again = in_force(load(files), restarted(found.versions))
    assert again == in_force(load(files), found.versions)
    gone = in_force(load({name: text for name, text in files.items() if name != "BGPPeer.yaml"}), again.versions)
    assert (dict(gone.resources.bgp_filters), gone.invalid) == ({}, ())


def test_a_peer_that_names_a_filter_which_never_was_stays_as_it_was() -> None:
    renamed = GOOD["BGPPeer"].replace("- f\n", "- g\n")
    assert renamed != GOOD["BGPPeer"]
    found = after(cluster(BGPPeer=renamed), cluster())
    assert found.resources.bgp_peers["tor"].spec.filters == ("f",)
    assert plan(found) == plan(in_force(load(cluster())))
    again = in_force(load(cluster(BGPPeer=renamed)), restarted(found.versions))
    assert again.resources.bgp_peers["tor"].spec.filters == ("f",)
    first = in_force(load(cluster(BGPPeer=renamed)))
    assert outcomes(first) == {"BGPPeer/tor": Outcome.SESSIONS_WAIT}
    assert len(plan(first).suppressed) == 1


def test_what_lies_in_a_pool_without_a_version_is_neither_advertised_nor_programmed() -> None:
    found = in_force(load(cluster(IPPool=bad("IPPool"))))
    (rule,) = plan(found).kernel.rules
    assert (rule.network, rule.verdict.value) == ("10.64.0.0/16", "leave")
    assert plan(found).kernel.blackholes == ()
    export = next(each for each in plan(found).policies if each.name == "export-v4")
    (first, *_) = [each for each in export.rules if each.match.prefix]
    assert (first.verdict.value, first.match.prefix and first.match.prefix.network) == ("reject", "10.64.0.0/16")


def test_a_pool_without_a_network_counts_as_absent() -> None:
    unreadable = GOOD["IPPool"].replace("10.64.0.0/16", "nowhere")
    found = in_force(load(cluster(IPPool=unreadable)))
    assert (outcomes(found), dict(found.resources.ip_pools)) == ({"IPPool/pods": Outcome.ABSENT}, {})


@pytest.mark.parametrize(
    ("name", "outcome", "waiting"),
    [
        ("default", Outcome.PLAN_WAITS, {"a", "b"}),
        ("node.b", Outcome.PLAN_WAITS, {"b"}),
        ("other", Outcome.ABSENT, set[str]()),
    ],
)
def test_the_plan_waits_only_for_a_configuration_that_it_depends_on(
    name: str, outcome: Outcome, waiting: set[str]
) -> None:
    configuration = document("BGPConfiguration", name, spec={"listenPort": -1})
    files = cluster() | {"BGPConfiguration.yaml": configuration}
    (invalid,) = in_force(load(files)).invalid
    assert invalid.outcome is outcome
    assert {node for node in ("a", "b") if invalid.holds_up(node)} == waiting


def test_a_cluster_that_ran_without_a_configuration_goes_on_without_it() -> None:
    files = cluster()
    del files["BGPConfiguration.yaml"]
    found = after(cluster(BGPConfiguration=bad("BGPConfiguration")), files)
    assert outcomes(found) == {"BGPConfiguration/default": Outcome.ABSENT}


def test_secrets_that_no_session_refers_to_are_not_kept_for_the_next_agent() -> None:
    other = GOOD["Secret"].replace("kube-system", "elsewhere").replace("c2VjcmV0", "b3RoZXI=")
    for files in (
        cluster(Secret=f"{other}---\n{GOOD['Secret']}"),
        cluster(Secret=bad("Secret")) | {"other.yaml": other},
    ):
        kept = "".join(texts(after(files, cluster()).versions, {SECRET}).values())
        assert ("c2VjcmV0" in kept, "b3RoZXI=" in kept) == (True, False)


def test_nothing_is_known_of_an_empty_state() -> None:
    assert Versions().is_empty
    assert not in_force(load(cluster())).versions.is_empty
