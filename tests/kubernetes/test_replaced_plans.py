"""Plans that are written over others, in a real API server: what is said of those that the node may still run."""

from __future__ import annotations

import json
from collections.abc import Callable

import controllers
import pytest
from segment import eventually

from bgpctl.node_plan import Assignment, assignment_of
from labs.bench.kubernetes import calico_crds
from labs.bench.kubernetes.api_server import ApiServer
from labs.bench.kubernetes.controller_process import ControllerProcess

pytestmark = [pytest.mark.netns, pytest.mark.slow, pytest.mark.timeout(300)]

RR1, RR2 = "10.1.0.10", "10.2.0.20"


def assigned(server: ApiServer) -> Assignment:
    """To a1."""
    return assignment_of(controllers.specs(server)["a1"])


def report(server: ApiServer, **status: object) -> None:
    """As the agent of a1 does."""
    patch = json.dumps({"status": status})
    calico_crds.run(server, "patch", "nodeplan", "a1", "--subresource=status", "--type=merge", f"--patch={patch}")


def report_all_running(server: ApiServer) -> None:
    report(server, running=controllers.specs(server)["a1"].digest)


def label(server: ApiServer, name: str, label: str) -> None:
    calico_crds.run(server, "label", "--overwrite", "nodes.projectcalico.org", name, label)


def until_sessions(server: ApiServer, *addresses: str) -> Assignment:
    def found() -> Assignment | None:
        now = assigned(server)
        return now if {each.name for each in now.plan.sessions} == set(addresses) else None

    return eventually(found, f"a1 is assigned sessions with {addresses}", within=20)


def lost(assignment: Assignment) -> set[str]:
    return {name for each in assignment.transition.lost for name in each.sessions}


def test_a_plan_says_of_those_before_it_what_the_node_has_to_know_and_no_more(
    cluster: ApiServer, one: ControllerProcess
) -> None:
    report_all_running(cluster)
    label(cluster, "rr1", "route-reflector-")
    first = until_sessions(cluster, RR2)
    assert (lost(first), first.transition.is_complete) == ({RR1}, True)

    label(cluster, "rr2", "route-reflector-")
    second = until_sessions(cluster)
    assert (lost(second), second.transition.is_complete) == ({RR1, RR2}, False), "a1 may run either of the two before"

    report_all_running(cluster)
    label(cluster, "rr2", "route-reflector=true")
    until_sessions(cluster, RR2)
    label(cluster, "rr2", "route-reflector-")
    assert lost(until_sessions(cluster)) == {RR2}, "a1 had followed"


def test_the_next_controller_reads_what_was_said_before_it(
    cluster: ApiServer, one: ControllerProcess, controller: Callable[..., ControllerProcess]
) -> None:
    report_all_running(cluster)
    label(cluster, "rr1", "route-reflector-")
    until_sessions(cluster, RR2)
    assert one.end() == 0
    label(cluster, "rr2", "route-reflector-")
    controller("two")
    assert lost(until_sessions(cluster)) == {RR1, RR2}


def test_what_is_said_of_a_held_plan_follows_resources_that_change_no_plan_any_more(
    cluster: ApiServer, one: ControllerProcess
) -> None:
    report_all_running(cluster)
    label(cluster, "rr2", "route-reflector-")
    digest = controllers.specs(cluster)["a1"].digest
    assert until_sessions(cluster, RR1).transition.nodes == ("rr2",)
    digest = controllers.specs(cluster)["a1"].digest
    calico_crds.run(cluster, "delete", "nodes.projectcalico.org", "rr2")
    report(cluster, held={"digest": "0" * 12, "count": 1})
    eventually(lambda: assigned(cluster).transition.nodes == (), "rr2 is not there any more", within=20)
    assert controllers.specs(cluster)["a1"].digest == digest


def test_a_plan_that_is_edited_under_its_digest_is_put_right(cluster: ApiServer, one: ControllerProcess) -> None:
    right = controllers.specs(cluster)["a1"]
    edit = json.dumps([{"op": "replace", "path": "/spec/plan/plan/router_id", "value": "192.0.2.9"}])
    calico_crds.run(cluster, "patch", "nodeplan", "a1", "--type=json", f"--patch={edit}")
    assert controllers.specs(cluster)["a1"].digest == right.digest
    eventually(lambda: bytes(controllers.specs(cluster)["a1"].plan) == bytes(right.plan), "it is put right", within=20)


def test_of_a_former_plan_that_cannot_be_read_everything_is_said(
    cluster: ApiServer, one: ControllerProcess, controller: Callable[..., ControllerProcess]
) -> None:
    """And no more than once: the plan that is written over it can be read."""
    assert one.end() == 0
    patch = json.dumps([{"op": "replace", "path": "/spec/plan", "value": {"plan": {"version": 99}}}])
    calico_crds.run(cluster, "patch", "nodeplan", "a1", "--type=json", f"--patch={patch}")
    label(cluster, "rr2", "route-reflector-")
    controller("two")
    found = eventually(lambda: readable(cluster), "the plan is one of ours", within=20)
    assert set(found.transition.nodes) >= {"rr2"}
    assert {each.node for each in found.transition.reflectors} == {"rr2"}


def readable(server: ApiServer) -> Assignment | None:
    try:
        return assigned(server)
    except ValueError:
        return None
