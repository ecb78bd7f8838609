"""The controller against a real API server: plans of labs, changes, replicas, and what goes wrong around it."""

from __future__ import annotations

import json
import re
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import controllers
import msgspec
import pytest
from msgspec.structs import replace
from segment import eventually

from bgpctl.controller.leadership import NOTE
from bgpctl.node_plan import Assignment, spec_of
from labs.bench.kubernetes import calico_crds, controller_process
from labs.bench.kubernetes.api_server import ApiServer
from labs.bench.kubernetes.controller_process import ControllerProcess
from reflector.plan import NodePlan

pytestmark = [pytest.mark.netns, pytest.mark.slow, pytest.mark.timeout(300)]

QUICKSTART = controllers.QUICKSTART
NAMESPACE = f"--namespace={controller_process.SYSTEM}"
LEASE = ("get", "lease", "bgpctl-controller", NAMESPACE, "--ignore-not-found", "--output=json")


def holder(server: ApiServer) -> str:
    found = calico_crds.run(server, *LEASE)
    return str(json.loads(found)["spec"].get("holderIdentity", "")) if found else ""


@pytest.mark.parametrize("name", [QUICKSTART, "upstream-policies", "vxlan-cross-subnet", "full-mesh"])
def test_the_plans_of_a_cluster_are_those_of_its_directory(
    cluster: ApiServer, lab: Callable[[str], None], controller: Callable[..., ControllerProcess], name: str
) -> None:
    lab(name)
    controller("one")
    controllers.wait_for_plans(cluster, controllers.of_directory(name))


BLOCK = {
    "apiVersion": "projectcalico.org/v3",
    "kind": "BlockAffinity",
    "metadata": {"name": "a1-more"},
    "spec": {"node": "a1", "cidr": "10.244.99.0/26", "state": "confirmed"},
}


@pytest.fixture
def add_block(cluster: ApiServer, one: ControllerProcess) -> Iterator[Callable[[], None]]:
    """One more block for a1, until its plan has it."""

    def add() -> None:
        calico_crds.apply(cluster, BLOCK)
        eventually(lambda: has_block(cluster), "the plan has the block", within=40)

    yield add
    controllers.delete(cluster, [BLOCK])


def has_block(server: ApiServer) -> bool:
    return any(each.prefix == "10.244.99.0/26" for each in controllers.plans(server)["a1"].originations)


def test_a_change_is_written_at_once_and_only_where_it_differs(
    cluster: ApiServer, add_block: Callable[[], None]
) -> None:
    before = versions(cluster)
    began = time.monotonic()
    add_block()
    assert time.monotonic() - began < 3, "with kubectl's own starts"
    assert {name for name, version in versions(cluster).items() if version != before[name]} == {"a1"}


def versions(server: ApiServer) -> dict[str, str]:
    found = json.loads(calico_crds.run(server, "get", "nodeplans", "--output=json"))
    return {each["metadata"]["name"]: each["metadata"]["resourceVersion"] for each in found["items"]}


def test_labels_and_annotations_of_others_stay_and_an_edited_plan_is_put_right(
    cluster: ApiServer, one: ControllerProcess, controller: Callable[..., ControllerProcess]
) -> None:
    assert one.end() == 0
    calico_crds.run(cluster, "annotate", "nodeplan", "a1", "team=network")
    patch = json.dumps({"spec": {"digest": "0" * 12}})
    calico_crds.run(cluster, "patch", "nodeplan", "a1", "--type=merge", f"--patch={patch}")
    controller("two")
    eventually(lambda: controllers.specs(cluster)["a1"].digest != "0" * 12, "the plan is put right", within=20)
    controllers.wait_for_plans(cluster, controllers.of_directory(QUICKSTART))
    found = json.loads(calico_crds.run(cluster, "get", "nodeplan", "a1", "--output=json"))
    assert found["metadata"]["annotations"]["team"] == "network"


def test_a_second_replica_writes_when_the_first_is_killed_and_only_then(
    cluster: ApiServer, one: ControllerProcess, controller: Callable[..., ControllerProcess]
) -> None:
    controller("two")
    assert holder(cluster) == "one"
    one.end(signal.SIGKILL)
    calico_crds.run(cluster, "delete", "nodeplan", "a1")
    eventually(lambda: holder(cluster) == "two", "the Lease of a dead holder ends", within=40)
    controllers.wait_for_plans(cluster, controllers.of_directory(QUICKSTART))


def test_a_replica_that_ends_gives_the_lease_back(
    cluster: ApiServer, one: ControllerProcess, controller: Callable[..., ControllerProcess]
) -> None:
    controller("two")
    assert one.end() == 0
    eventually(lambda: holder(cluster) == "two", "the next one need not wait for its end", within=10)


def test_a_leader_that_stood_still_writes_nothing_old(
    cluster: ApiServer,
    one: ControllerProcess,
    controller: Callable[..., ControllerProcess],
    add_block: Callable[[], None],
) -> None:
    """It comes back to a cluster that another has written: its own Lease was over, by its own clock."""
    controller("two")
    one.freeze()
    eventually(lambda: holder(cluster) == "two", "the Lease ends", within=40)
    add_block()
    now = versions(cluster)
    one.thaw()
    eventually(lambda: "another writes" in one.log.read_text(), "the first one has noticed", within=20)
    assert (versions(cluster), holder(cluster)) == (now, "two")


def test_an_api_server_that_was_away_and_an_etcd_that_forgot_are_followed_on(
    cluster: ApiServer, one: ControllerProcess
) -> None:
    cluster.kill_api_server()
    cluster.start_api_server()
    calico_crds.run(cluster, "delete", "nodeplan", "a1", "b1")
    cluster.compact()
    controllers.wait_for_plans(cluster, controllers.of_directory(QUICKSTART))
    assert one.end() == 0
    assert "Traceback" not in one.log.read_text()


def test_a_controller_that_starts_before_the_api_server_waits_for_it(
    cluster: ApiServer, lab: Callable[[str], None], controller: Callable[..., ControllerProcess]
) -> None:
    one = controller("one")
    one.end(signal.SIGKILL)
    lab(QUICKSTART)
    cluster.kill_api_server()
    one.start()
    eventually(lambda: "the cluster is not read yet" in one.log.read_text(), "it says what it waits for", within=20)
    cluster.start_api_server()
    controllers.wait_for_plans(cluster, controllers.of_directory(QUICKSTART))
    assert "internal error" not in one.log.read_text()


def test_nodes_that_are_all_gone_take_no_plans_with_them(cluster: ApiServer, one: ControllerProcess) -> None:
    wanted = controllers.of_directory(QUICKSTART)
    calico_crds.run(cluster, "delete", "nodes.projectcalico.org", "a3")
    eventually(lambda: "a3" not in controllers.plans(cluster), "the plan of one node goes with it", within=20)
    calico_crds.run(cluster, "delete", "nodes.projectcalico.org", "--all")
    eventually(lambda: "most nodes are gone, their plans stay" in one.log.read_text(), "that is held", within=20)
    assert controllers.plans(cluster).keys() == wanted.keys() - {"a3"}


def test_nodes_that_go_one_after_the_other_take_half_of_the_plans_at_most(
    cluster: ApiServer, one: ControllerProcess
) -> None:
    names = sorted(controllers.of_directory(QUICKSTART))
    for name in names:
        calico_crds.run(cluster, "delete", "nodes.projectcalico.org", name)
        held = eventually(lambda gone=name: what_became(cluster, one, gone), "it is deleted, or held", within=20)
        if held == "held":
            break
    assert held == "held"
    assert len(controllers.specs(cluster)) >= len(names) / 2


def test_what_the_leader_before_has_seen_counts_for_the_next_one(
    cluster: ApiServer, one: ControllerProcess, controller: Callable[..., ControllerProcess]
) -> None:
    """Killed when as many plans are deleted as may be: the one that starts finds half of the cluster, and no more."""
    names = sorted(controllers.of_directory(QUICKSTART))
    may_go = len(names) // 2
    for name in names[:may_go]:
        calico_crds.run(cluster, "delete", "nodes.projectcalico.org", name)
        eventually(lambda gone=name: gone not in controllers.specs(cluster), "its plan goes with it", within=20)
    eventually(lambda: str(len(names)) in note(cluster).split(), "the Lease has the number", within=20)
    one.end(signal.SIGKILL)
    two = controller("two")
    calico_crds.run(cluster, "delete", "nodes.projectcalico.org", names[may_go])
    eventually(lambda: "most nodes are gone, their plans stay" in two.log.read_text(), "that is held", within=60)
    assert controllers.specs(cluster).keys() == set(names[may_go:])


def note(server: ApiServer) -> str:
    return str(json.loads(calico_crds.run(server, *LEASE))["metadata"].get("annotations", {}).get(NOTE, ""))


def what_became(server: ApiServer, process: ControllerProcess, name: str) -> str:
    if "most nodes are gone, their plans stay" in process.log.read_text():
        return "held"
    return "deleted" if name not in controllers.specs(server) else ""


UNREADABLE = {
    "apiVersion": "projectcalico.org/v3",
    "kind": "Node",
    "metadata": {"name": "unreadable"},
    "spec": {"bgp": {"ipv4Address": "nonsense"}},
}


def test_while_a_node_is_not_readable_no_plan_is_deleted(cluster: ApiServer, one: ControllerProcess) -> None:
    """It may be one of those that are missing, under another name."""
    wanted = controllers.of_directory(QUICKSTART)
    calico_crds.apply(cluster, UNREADABLE)
    try:
        eventually(lambda: "a resource is invalid" in one.log.read_text(), "the log has it", within=20)
        calico_crds.run(cluster, "delete", "nodes.projectcalico.org", "b1")
        calico_crds.apply(cluster, BLOCK)
        eventually(lambda: has_block(cluster), "a later change is in force", within=20)
        assert controllers.specs(cluster).keys() == wanted.keys()
    finally:
        controllers.delete(cluster, [UNREADABLE, BLOCK])
    eventually(lambda: "b1" not in controllers.specs(cluster), "now it is gone for certain", within=20)


def test_plans_that_cannot_be_made_stay_from_one_controller_to_the_next(
    cluster: ApiServer, one: ControllerProcess, controller: Callable[..., ControllerProcess]
) -> None:
    """A node whose plan cannot be made is not gone."""
    before = versions(cluster)
    assert one.end() == 0
    calico_crds.run(cluster, "delete", "nodes.projectcalico.org", "a3")
    two = controller("two", "--router-id=nonsense")
    eventually(lambda: "a3" not in controllers.specs(cluster), "what is gone for certain is deleted", within=20)
    assert versions(cluster) == {name: version for name, version in before.items() if name != "a3"}
    assert "most nodes are gone" not in two.log.read_text()


PEER = {
    "apiVersion": "projectcalico.org/v3",
    "kind": "BGPPeer",
    "metadata": {"name": "outside"},
    "spec": {"node": "a1", "peerIP": "192.0.2.77", "asNumber": 64999},
}


def test_configurations_are_kept_as_revisions_and_one_can_be_gone_back_to(
    cluster: ApiServer, one: ControllerProcess
) -> None:
    eventually(lambda: revisions(cluster), "the first one is kept", within=20)
    first = newest_revision(cluster)
    assert {each.revision for each in controllers.specs(cluster).values()} == {first["metadata"]["name"]}
    calico_crds.apply(cluster, PEER)
    try:
        eventually(lambda: newest_revision(cluster) != first, "the peer makes a revision", within=20)
        second = newest_revision(cluster)
        wanted = dict.fromkeys(controllers.specs(cluster), first["metadata"]["name"])
        wanted["a1"] = second["metadata"]["name"]  # what is no other plan still names the first one
        eventually(lambda: named_revisions(cluster) == wanted, "the plan of a1 names it", within=20)
        added = [each for each in second["data"]["items"] if each not in first["data"]["items"]]
        assert [(each["kind"], each["metadata"]["name"]) for each in added] == [("BGPPeer", "outside")]
        calico_crds.apply(cluster, {**PEER, "spec": {**PEER["spec"], "asNumber": 65001}})
        eventually(lambda: newest_revision(cluster)["revision"] > second["revision"], "a third one", within=20)
        words = ("apply", "--server-side", "--force-conflicts", "-f", "-")
        calico_crds.run(cluster, *words, stdin=json.dumps(second["data"]))
        eventually(lambda: newest_name(cluster) == second["metadata"]["name"], "the second is the newest", within=20)
        assert len(revisions(cluster)) == 3, "and there is no fourth"
    finally:
        controllers.delete(cluster, [PEER])
    eventually(lambda: newest_name(cluster) == first["metadata"]["name"], "and then the first one", within=20)


def revisions(server: ApiServer) -> list[dict[str, Any]]:
    found = calico_crds.run(server, "get", "controllerrevisions", NAMESPACE, "--output=json")
    return sorted(json.loads(found)["items"], key=lambda each: int(each["revision"]))


def newest_revision(server: ApiServer) -> dict[str, Any]:
    return revisions(server)[-1]


def newest_name(server: ApiServer) -> str:
    return str(newest_revision(server)["metadata"]["name"])


def named_revisions(server: ApiServer) -> dict[str, str]:
    return {name: each.revision for name, each in controllers.specs(server).items()}


def test_pages_show_who_writes_and_what_was_written(
    cluster: ApiServer, one: ControllerProcess, controller: Callable[..., ControllerProcess]
) -> None:
    nodes = len(controllers.of_directory(QUICKSTART))
    two = controller("two")
    eventually(lambda: two.page("/readyz")[0] == 200, "the second one is ready as well", within=20)
    assert one.page("/livez") == (200, "OK\n")
    assert "this controller writes" in one.page("/readyz")[1]
    assert "another controller writes" in two.page("/readyz")[1]
    assert metric(one, "leader") == metric(one, "ready") == metric(two, "ready") == 1
    assert metric(one, "plans_written_total") >= metric(one, "nodes") == metric(two, "nodes") == nodes
    assert metric(two, "leader") == metric(two, "plans_written_total") == 0
    assert metric(one, "as_wanted_timestamp_seconds") >= metric(one, "compile_timestamp_seconds") > time.time() - 300


def metric(process: ControllerProcess, name: str) -> float:
    (value,) = re.findall(rf"^bgpctl_controller_{name} (\S+)$", process.page("/metrics")[1], re.MULTILINE)
    return float(value)


def test_a_controller_that_may_conclude_nothing_is_not_ready_and_names_the_resource(
    cluster: ApiServer, one: ControllerProcess, controller: Callable[..., ControllerProcess]
) -> None:
    """So a rollout stops at it, and the one before, which has the last good versions, goes on."""
    calico_crds.apply(cluster, UNREADABLE)
    try:
        seen = 'resources_invalid{in_force="absent"} 1.0'
        eventually(lambda: seen in one.page("/metrics")[1], "it is seen", within=20)
        assert one.page("/readyz")[0] == 200
        two = controller("two")
        eventually(lambda: "Node/unreadable" in two.page("/readyz")[1], "the page names it", within=20)
        assert (two.page("/readyz")[0], metric(two, "ready"), metric(two, "plans_waiting")) == (503, 0, 1)
    finally:
        controllers.delete(cluster, [UNREADABLE])
    eventually(lambda: two.page("/readyz")[0] == 200, "it is put right", within=20)


def test_a_controller_stays_ready_while_the_api_server_is_away(cluster: ApiServer, one: ControllerProcess) -> None:
    cluster.kill_api_server()
    eventually(lambda: metric(one, "leader") == 0, "it writes no more", within=30)
    assert (one.page("/livez")[0], one.page("/readyz")[0]) == (200, 200)
    cluster.start_api_server()
    eventually(lambda: metric(one, "leader") == 1, "it has the Lease again", within=30)


FORBIDDEN = [
    ("list", "secrets"),
    ("get", "secrets"),
    ("list", "services"),
    ("watch", "endpointslices.discovery.k8s.io"),
    ("delete", "nodes"),
    ("patch", "bgppeers.projectcalico.org"),
    ("create", "pods"),
    ("update", "nodeplans.bgpctl.io/status"),
]
ALLOWED = [("list", "bgppeers.projectcalico.org"), ("watch", "nodes"), ("patch", "nodeplans.bgpctl.io")]
CELLS = [(*each, "no") for each in FORBIDDEN] + [(*each, "yes") for each in ALLOWED]


@pytest.mark.parametrize(("verb", "resource", "answer"), CELLS)
def test_the_role_of_the_controller(
    cluster: ApiServer, inside_its_network: None, verb: str, resource: str, answer: str
) -> None:
    account = f"--as=system:serviceaccount:{controller_process.SYSTEM}:{controller_process.ACCOUNT}"
    done = cluster.kubectl("auth", "can-i", verb, resource, account, "--all-namespaces")
    assert done.stdout.strip() == answer


BAD_PLANS = {
    "neither": {"node": "a1", "digest": "0" * 12},
    "both": {"node": "a1", "digest": "0" * 12, "plan": {}, "compressed": "aa=="},
    "of another node": {"node": "a2", "digest": "0" * 12, "plan": {}},
    "no digest": {"node": "a1", "plan": {}},
}


@pytest.mark.parametrize("case", BAD_PLANS)
def test_what_is_no_node_plan_is_refused_by_the_api(cluster: ApiServer, inside_its_network: None, case: str) -> None:
    data = {"apiVersion": "bgpctl.io/v1alpha1", "kind": "NodePlan", "metadata": {"name": "a1"}, "spec": BAD_PLANS[case]}
    assert cluster.kubectl("create", "-f", "-", stdin=json.dumps(data)).returncode == 1


def test_a_plan_that_is_compressed_is_taken_by_the_api_and_read_back(
    cluster: ApiServer, inside_its_network: None
) -> None:
    one = next(iter(controllers.of_directory(QUICKSTART)["a1"].sessions))
    addresses = (f"10.9.{number >> 8}.{number & 255}" for number in range(1000))
    sessions = tuple(replace(one, name=each, peer_address=each, peer_node=f"of-{each}") for each in addresses)
    spec = spec_of(Assignment(NodePlan(node="large", router_id="10.0.0.1", sessions=sessions)))
    assert spec.compressed
    whole = {"apiVersion": "bgpctl.io/v1alpha1", "kind": "NodePlan", "metadata": {"name": "large"}, "spec": spec}
    calico_crds.run(cluster, "create", "-f", "-", stdin=msgspec.json.encode(whole).decode())
    assert controllers.plans(cluster)["large"].sessions == sessions
    calico_crds.run(cluster, "delete", "nodeplan", "large")
