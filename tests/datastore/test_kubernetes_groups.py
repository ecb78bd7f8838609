"""Which of Calico's API groups is read, when it may be used, and what else is read because of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bgpctl.configuration.compile_options import CompileOptions
from bgpctl.datastore.kubernetes.api_group import Offer, choose_group
from bgpctl.datastore.kubernetes.calico import Contents, fewer, not_ready
from bgpctl.datastore.kubernetes.problems import Obstacles, obstacles
from bgpctl.datastore.kubernetes.wants import ClusterOptions, Wants, wants
from bgpctl.errors import NotReadyError
from bgpctl.kubernetes.access import Access, open_client
from bgpctl.kubernetes.collection import Collection, Page
from bgpctl.kubernetes.failure import Failure, of_status
from bgpctl.kubernetes.intervals import USUAL
from bgpctl.kubernetes.kinds import KUBERNETES_NODE, PLURALS, V1, V3, Group, calico_kinds
from bgpctl.kubernetes.notices import Notice, Notices
from bgpctl.kubernetes.pauses import Pauses
from bgpctl.resources import parse_documents
from bgpctl.resources.in_force.in_force import in_force

NOTHING = Offer()
USED, INSTALLED = Offer(PLURALS, is_in_use=True), Offer(PLURALS)
# Calico's older API servers have no BlockAffinity.
LACKING = Offer(PLURALS - {"blockaffinities"}, is_in_use=True)


@pytest.mark.parametrize(
    ("v3", "v1", "phase", "current", "chosen"),
    [
        (USED, USED, None, None, V3),
        (USED, NOTHING, None, None, V3),
        (NOTHING, USED, None, None, V1),
        (NOTHING, NOTHING, None, None, None),
        (INSTALLED, USED, None, None, V1),
        (INSTALLED, USED, None, V3, V1),
        (USED, INSTALLED, None, None, V3),
        (INSTALLED, INSTALLED, None, None, V3),
        (LACKING, USED, None, None, V1),
        (LACKING, NOTHING, None, None, V3),
        (USED, USED, "", V3, V1),
        (INSTALLED, USED, "Pending", V3, V1),
        (USED, USED, "Migrating", V1, V1),
        (USED, USED, "WaitingForConflictResolution", V1, V1),
        (USED, USED, "Failed", V1, V1),
        (USED, USED, "Converged", V1, V3),
        (USED, USED, "Complete", V1, V3),
        (USED, NOTHING, "Complete", V3, V3),
        (USED, NOTHING, "Pending", V3, V3),
        # An API server that does not answer, and one that has forgotten everything.
        (None, USED, None, V3, V3),
        (None, USED, None, None, None),
        (NOTHING, NOTHING, None, V1, V1),
    ],
)
def test_the_group_that_is_read(
    v3: Offer | None, v1: Offer | None, phase: str | None, current: Group | None, chosen: Group | None
) -> None:
    assert choose_group({V3: v3, V1: v1}, phase, current) == chosen


def test_calicos_node_is_read_only_where_it_is_served() -> None:
    assert "nodes" not in {each.plural for each in calico_kinds(V3, PLURALS)}
    (node,) = (each for each in calico_kinds(V3, PLURALS | {"nodes"}) if each.plural == "nodes")
    assert node.name_of("", "a1") == "nodes.projectcalico.org/a1"


# -------------------------------------------------------------------------------------------- in use


def contents(group: Group | None, *names: str, ready: bool | None = True, is_away: bool = False) -> Contents:
    documents = dict.fromkeys(names, "{}")
    if ready is not None:
        documents["ClusterInformation/default"] = json.dumps({"spec": {"datastoreReady": ready}})
    return Contents(group, documents, is_away)


def test_a_datastore_is_used_unless_it_says_that_it_is_locked() -> None:
    before = Contents()
    assert not_ready(contents(V3), before) == ""
    assert "datastoreReady is false" in not_ready(contents(V3, ready=False), before)
    assert not_ready(Contents(V3, {"ClusterInformation/default": '{"spec":{}}'}), before) == ""
    assert not_ready(Contents(V3), before) == "", "a cluster may never have had one"


def test_a_cluster_information_that_is_gone_is_a_lock() -> None:
    before = contents(V3, "BGPPeer/a")
    assert "no ClusterInformation any more" in not_ready(contents(V3, "BGPPeer/a", ready=None), before)
    assert "no ClusterInformation any more" in not_ready(contents(V3, "BGPPeer/a", is_away=True), before)


def test_another_group_has_to_have_as_many_resources() -> None:
    before = contents(V1, "BGPPeer/a", "BGPPeer/b", "IPPool/x")
    assert "BGPPeer 1 of 2, IPPool 0 of 1" in fewer(contents(V3, "BGPPeer/a"), before, is_converged=False)
    assert fewer(contents(V3, "BGPPeer/a", "BGPPeer/c", "IPPool/x"), before, is_converged=False) == ""
    assert fewer(contents(V3, "BGPPeer/a"), before, is_converged=True) == ""
    assert fewer(contents(V1, "BGPPeer/a"), before, is_converged=False) == "", "the same group"
    assert fewer(contents(V3), Contents(), is_converged=False) == "", "the first one"


# ------------------------------------------------------------------------------------------ and more

PEER = """
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: tor}
spec: {peerIP: 10.0.0.9, asNumber: 64512, password: {secretKeyRef: {name: bgp, key: %s}}}
"""
MESH = """
apiVersion: projectcalico.org/v3
kind: BGPConfiguration
metadata: {name: default}
spec: {nodeMeshPassword: {secretKeyRef: {name: bgp, key: mesh}}, serviceClusterIPs: [{cidr: 10.96.0.0/16}]}
"""
BAD = "apiVersion: projectcalico.org/v3\nkind: BGPPeer\nmetadata: {name: tor}\nspec: {peerIP: nonsense}\n"


def wanted(*texts: str, before: Wants | None = None, options: ClusterOptions | None = None) -> Wants:
    loaded = parse_documents((str(number), text) for number, text in enumerate(texts))
    return wants(loaded, options or ClusterOptions(), before or Wants())


def test_only_secrets_and_keys_that_are_named_are_wanted() -> None:
    assert wanted(PEER % "tor", MESH).secrets == {("kube-system", "bgp"): frozenset({"tor", "mesh"})}
    assert wanted(PEER % "tor", options=ClusterOptions(secret_values=False)).secrets == {}


def test_services_are_wanted_where_they_are_advertised() -> None:
    assert not wanted(PEER % "tor").services
    assert wanted(MESH).services
    assert wanted(options=ClusterOptions(services=True)).services


def test_nothing_is_wanted_less_while_a_resource_is_invalid() -> None:
    before = wanted(PEER % "tor", MESH)
    assert wanted(BAD, before=before) == before
    assert wanted(before=before) == Wants()


def followed(failure: Failure, *, is_known: bool = True) -> Collection:
    found = Collection(Pauses(lambda: 1.0), watch_list=False)
    if is_known:
        found.listed(Page((), "1"), 0)
    found.failed(failure, 0)
    return found


NODES = KUBERNETES_NODE
AWAY, DENIED = of_status(503, "starting"), of_status(403, "no")


def test_what_is_away_is_a_problem_after_a_while() -> None:
    away = [(NODES, followed(AWAY))]
    assert obstacles(away, {"Secret/kube-system/bgp": (AWAY, 0.0)}, "", USUAL.away_for - 1) == Obstacles()
    found = obstacles(away, {"Secret/kube-system/bgp": (AWAY, 0.0)}, "", USUAL.away_for)
    assert [(each.file, each.code) for each in found.problems] == [
        ("the API server", "cluster-unreachable"),
        ("Secret/kube-system/bgp", "cluster-unreachable"),
    ]
    assert found.unusable == ()


def test_what_is_forbidden_is_a_problem_at_once() -> None:
    found = obstacles([(NODES, followed(DENIED))], {"Secret/kube-system/bgp": (DENIED, 0.0)}, "", 0)
    nodes, secret = found.problems
    assert 'the verb watch for nodes in the API group "" (403: no)' in nodes.message
    assert "the verb get for secrets with this name" in secret.message
    assert found.unusable == (), "they were read"


def test_a_kind_of_which_nothing_is_known_is_unusable_as_a_whole() -> None:
    (configuration,) = (each for each in calico_kinds(V3, PLURALS) if each.kind == "BGPConfiguration")
    found = obstacles([(configuration, followed(DENIED, is_known=False))], {}, "", 0)
    assert [(each.kind, each.key, each.file) for each in found.unusable] == [
        ("", None, "BGPConfiguration"),
        ("BGPConfiguration", "default", "BGPConfiguration"),
    ]
    loaded = parse_documents([])
    waiting = in_force(replace(loaded, unusable=found.unusable))
    assert any(each.holds_up("a1") for each in waiting.invalid), "no plan is made without it"


def test_the_same_notice_is_given_once_a_minute() -> None:
    now, given = 0.0, list[Notice]()
    notices = Notices(given.append, lambda: now)
    for now in (0.0, 30.0, 59.0, 61.0):  # noqa: B007  the clock
        notices.give("nodes", "cannot be read")
    notices.give("nodes", "another")
    for _ in range(2):
        notices.give_each("the cluster", "v3 is read")
    assert [each.message for each in given] == ["cannot be read"] * 2 + ["another"] + ["v3 is read"] * 2


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "[]",
        "{",
        "a: b",
        "{clusters: [], contexts: [], users: []}",
        "{clusters: [], contexts: [{name: c, context: {cluster: x}}], current-context: c}",
        "{clusters: [{name: x, cluster: {server: 'https://[::1'}}], contexts: [{name: c, context: {cluster: x}}], "
        "current-context: c}",
    ],
)
def test_a_kubeconfig_that_is_none_is_not_ready(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "config"
    if text is not None:
        file.write_text(text)
    with pytest.raises(NotReadyError, match="cannot use the access to"):
        open_client(Access(kubeconfig=file))


def test_outside_of_a_pod_there_is_no_service_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(NotReadyError, match="does not run in a pod"):
        open_client(Access(in_cluster=True))


def test_services_are_read_where_an_option_has_their_network() -> None:
    assert not wanted(options=ClusterOptions.of(CompileOptions())).services
    found = ClusterOptions.of(CompileOptions(cluster_ip_range="10.96.0.0/16"))
    assert wanted(options=found).services
    assert (found.secret_values, found.secret_namespace) == (True, "kube-system")


def test_what_agents_complete_is_made_of_neither_services_nor_secrets() -> None:
    assert wanted(MESH, PEER % "tor", options=ClusterOptions.for_agents_to_complete()) == Wants()
