"""What agents report of their machines: completed Nodes, workloads, and reports that are not right."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import pytest
from compiler_makers import bgp_peer, block, configuration, node

from bgpctl.compiler import CompileOptions
from bgpctl.configuration.compile_options import LocalWorkload
from bgpctl.controller.compilation import Compilation
from bgpctl.controller.found import MOST_WORKLOADS, Completed, Completion, ReportError, read_report
from bgpctl.node_plan import Assignment, assignment_of
from bgpctl.node_plan.status import Found, FoundWorkload
from bgpctl.resources.resource_set import ResourceSet
from bgpctl.resources.values.model import Resource

WORKLOAD = FoundWorkload("routers", "cali1", ("10.1.0.1/32",))


def report(ipv4: str = "", ipv6: str = "", *workloads: FoundWorkload) -> bytes:
    return msgspec.json.encode(Found(ipv4, ipv6, workloads))


class Cluster:
    """From one change to the next; `compiled` are the nodes that the last one made differ."""

    def __init__(self, *resources: Resource) -> None:
        self.completion = Completion()
        self.compilation = Compilation(CompileOptions(), self._fault)
        self.reports: dict[str, bytes] = {}
        self.change(*resources)

    def change(self, *resources: Resource) -> Completed:
        self.resources = ResourceSet.of(*resources)
        return self.report({})

    def report(self, reports: Mapping[str, bytes]) -> Completed:
        self.reports |= reports
        completed = self.completion.take(self.resources, self.reports)
        update = self.compilation.take(completed)
        self.changed, self.compiled = set(update.changed), update.compiled
        return completed

    def assigned(self, name: str) -> Assignment:
        spec = self.compilation.nodes[name].spec
        assert spec is not None
        return assignment_of(spec)

    def peers(self, name: str) -> list[str]:
        return [each.peer_address for each in self.assigned(name).plan.sessions]

    @staticmethod
    def _fault(doing: str, error: Exception) -> None:
        raise AssertionError(doing) from error


MESH = [node("a", "10.0.0.1/24"), node("b", "10.0.0.2/24"), node("c")]


def test_a_node_without_an_address_is_assigned_a_plan_without_sessions() -> None:
    """So its agent has where to report, and what to look for."""
    cluster = Cluster(*MESH)
    assert (cluster.peers("c"), cluster.assigned("c").own_node.bgp_families) == ([], ())
    assert cluster.peers("a") == ["10.0.0.2"]


def test_an_address_that_is_found_is_known_to_all_and_stays_with_the_machine() -> None:
    cluster = Cluster(*MESH)
    cluster.report({"c": report("10.0.0.3/24")})
    assert cluster.changed == {"a", "b", "c"}
    assert cluster.peers("c") == ["10.0.0.1", "10.0.0.2"]
    assert cluster.assigned("c").plan.router_id == "10.0.0.3"
    assert cluster.assigned("c").own_node.bgp_families == (), "the Node itself has none: the agent goes on looking"

    cluster.report({"c": report()})
    assert cluster.changed == set(), "one that is not found for a moment stays"
    cluster.report({"c": report("10.0.0.33/24")})
    assert "10.0.0.33" in cluster.peers("a")


def test_an_address_in_the_node_goes_before_what_is_found() -> None:
    cluster = Cluster(*MESH)
    cluster.report({"a": report("10.0.0.99/24"), "c": report("10.0.0.3/24")})
    assert cluster.peers("b") == ["10.0.0.1", "10.0.0.3"]
    cluster.change(*MESH[:2], node("c", "10.0.0.3/24"))
    assert cluster.changed == {"c"}, "what its agent has to look for is another thing now"
    assert cluster.assigned("c").own_node.bgp_families == (4,)


def test_a_family_that_the_node_has_not_is_completed_beside_the_other() -> None:
    cluster = Cluster(node("a", "10.0.0.1/24", "fd00::1/64"), node("b", "10.0.0.2/24"))
    cluster.report({"b": report("192.0.2.1/24", "fd00::2/64")})
    assert cluster.peers("a") == ["10.0.0.2", "fd00::2"]


def test_workloads_get_their_sessions_and_concern_no_other_node() -> None:
    routers = bgp_peer("routers", node="a", localWorkloadSelector="role == 'router'", asNumber=65001)
    cluster = Cluster(*MESH, routers)
    cluster.report({"a": report("", "", WORKLOAD)})
    assert (cluster.changed, cluster.compiled) == ({"a"}, 1)
    assert cluster.peers("a") == ["10.0.0.2", "10.1.0.1"]
    cluster.report({"a": report()})
    assert (cluster.changed, cluster.peers("a")) == ({"a"}, ["10.0.0.2"])


def test_reports_that_are_as_before_are_no_work() -> None:
    cluster = Cluster(*MESH)
    cluster.report({"c": report("10.0.0.3/24", "", WORKLOAD)})
    cluster.report({})
    assert cluster.compiled == 0
    cluster.change(*MESH, block("b", "10.244.1.0/26"))
    assert (cluster.changed, cluster.compiled) == ({"b"}, 1)


def test_a_node_that_was_gone_has_nothing_from_before() -> None:
    cluster = Cluster(*MESH)
    cluster.report({"c": report("10.0.0.3/24")})
    cluster.reports.clear()
    cluster.change(*MESH[:2])
    cluster.change(*MESH)
    assert cluster.peers("c") == []


def test_a_report_that_is_gone_is_not_a_report_of_nothing() -> None:
    """A NodePlan that somebody deletes takes its status with it."""
    cluster = Cluster(*MESH)
    cluster.report({"c": report("10.0.0.3/24")})
    cluster.reports.clear()
    cluster.report({})
    assert cluster.changed == set()


WRONG = {
    "text": b'"nonsense"',
    "a type": b'{"ipv4": 4}',
    "a list": b'{"workloads": {"bgpPeer": "routers"}}',
    "no address": report("10.0.0.999/24"),
    "an address of the other family": report("fd00::3/64"),
    "loopback": report("127.0.0.1/8"),
    "link-local": report("", "fe80::1/64"),
    "every address": report("0.0.0.0/0"),
    "workload without an address": report("10.0.0.3/24", "", FoundWorkload("routers", "cali1", ("x",))),
    "workload with many": report("", "", FoundWorkload("routers", "cali1", ("10.1.0.1",) * 17)),
    "workload with a long name": report("", "", FoundWorkload("r" * 254, "cali1", ("10.1.0.1",))),
    "10,000 workloads": report("", "", *[WORKLOAD] * 10_000),
    "not ended": b'{"ipv4": "10.0.0.3/24"',
}


@pytest.mark.parametrize("case", WRONG)
def test_a_report_that_is_not_right_is_a_problem_of_its_node_and_the_last_good_stays(case: str) -> None:
    cluster = Cluster(*MESH, bgp_peer("routers", node="c", localWorkloadSelector="x == 'y'", asNumber=65001))
    cluster.report({"c": report("10.0.0.3/24", "", WORKLOAD)})
    before = cluster.assigned("c")
    completed = cluster.report({"c": WRONG[case]})
    assert (cluster.changed, cluster.assigned("c")) == (set(), before)
    (problem,) = completed.problems.values()
    assert (problem.resource, problem.path, problem.code) == ("NodePlan/c", "$.status.found", "report-refused")
    assert "what the node reports is not used, what it reported before stays: " in problem.message

    completed = cluster.report({"c": report("10.0.0.3/24", "", WORKLOAD)})
    assert (completed.problems, cluster.changed) == ({}, set())


def test_one_more_workload_than_there_may_be_is_refused() -> None:
    read_report(report("", "", *[WORKLOAD] * MOST_WORKLOADS))
    with pytest.raises(ReportError, match="it has 1,001 workloads, and a node may have 1,000"):
        read_report(report("", "", *[WORKLOAD] * (MOST_WORKLOADS + 1)))


def test_what_is_right_is_as_a_node_and_the_compiler_have_it() -> None:
    found = read_report(report("10.0.0.3/24", "FD00:0::3/64", WORKLOAD))
    assert found.addresses == {4: "10.0.0.3/24", 6: "fd00::3/64"}
    assert found.workloads == (LocalWorkload("routers", "cali1", ("10.1.0.1/32",)),)
    assert read_report(b"") == read_report(report())


def test_an_address_of_another_node_is_that_nodes() -> None:
    cluster = Cluster(*MESH, node("d"))
    refused = cluster.report({"c": report("10.0.0.1/24")})
    assert cluster.changed == set()
    assert refused.problems["c"].message.endswith("10.0.0.1/24 is the address of the node a")

    cluster.report({"c": report("10.0.0.3/24")})
    assert [*cluster.report({"c": report("10.0.0.1/24")}).problems] == ["c"]
    assert (cluster.changed, cluster.peers("a")) == (set(), ["10.0.0.2", "10.0.0.3"]), "what it had before stays"

    refused = cluster.report({"d": report("10.0.0.3/16")})
    assert (cluster.changed, [*refused.problems]) == (set(), ["c", "d"])
    assert cluster.report({"c": report("10.0.0.3/24"), "d": report("10.0.0.4/24")}).problems == {}
    assert cluster.peers("a") == ["10.0.0.2", "10.0.0.3", "10.0.0.4"]


def test_of_two_that_report_one_address_the_one_that_had_it_keeps_it() -> None:
    cluster = Cluster(configuration(), node("z"), node("b"))
    cluster.report({"z": report("10.0.0.9/24")})
    assert [*cluster.report({"b": report("10.0.0.9/24")}).problems] == ["b"]
    moved = cluster.change(configuration(), node("z", "10.0.0.8/24"), node("b"))
    assert (moved.problems, cluster.peers("z")) == ({}, ["10.0.0.9"]), "the first one does without it now"
