"""Which problems become events, and on which objects."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bgpctl.controller.problem_events import MOST, MOST_OF_OBJECT, of_plans, of_resources, reason_of
from bgpctl.kubernetes.kinds import NODE_PLAN
from bgpctl.kubernetes.occurrence import Occurrence, Subject
from bgpctl.resources import Loaded, parse_documents
from bgpctl.resources.in_force.in_force import in_force
from bgpctl.yaml_source.problem import Problem, Severity

V3, V1 = "projectcalico.org/v3", "crd.projectcalico.org/v1"


def document(kind: str, name: str, spec: dict[str, Any], version: str = V3, source: str = "") -> tuple[str, str]:
    """As the reader of the cluster gives it."""
    data = {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec}
    return f"{source or kind}/{name}", json.dumps(data)


def events(loaded: Loaded, *compiled: Problem) -> tuple[Occurrence, ...]:
    return of_resources(loaded, in_force(loaded).invalid, compiled)


def where(found: tuple[Occurrence, ...]) -> set[tuple[str, str, str]]:
    return {(each.subject.kind.api_version, each.subject.kind.kind, each.subject.name) for each in found}


@pytest.mark.parametrize("version", [V3, V1])
def test_a_resource_that_is_invalid_has_its_problem_and_what_is_in_force(version: str) -> None:
    found = events(parse_documents([document("BGPPeer", "tor", {"peerIP": "nonsense"}, version)]))
    assert where(found) == {(version, "BGPPeer", "tor")}
    notes = {each.reason: each.note for each in found}
    assert notes["NotInForce"] == "no version of it was in force before, so it counts as absent"
    assert any(note.startswith("$.spec.peerIP: ") for note in notes.values())
    assert all(each.is_warning for each in found)


def test_what_only_differs_in_its_group_keeps_the_other_objects_apart() -> None:
    calico = document("Node", "a", {"bgp": {"ipv4Address": "nonsense"}}, V3, "nodes.projectcalico.org")
    ((version, kind, name),) = where(events(parse_documents([calico])))
    assert (version, kind, name) == (V3, "Node", "a")
    kubernetes = ("Node/b", json.dumps({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "b"}}))
    problem = Problem("Node/b", 0, "Node/b", "$", "plan-kept", "the plan stays what it was")
    (found,) = events(parse_documents([kubernetes]), problem)
    assert (found.subject.kind.api_version, found.reason) == ("v1", "PlanKept")


def test_what_is_no_object_of_the_cluster_has_no_events() -> None:
    loaded = parse_documents([document("BGPPeer", "tor", {"peerIP": "192.0.2.1", "asNumber": 64999})])
    away = Problem("the API server", 0, "", "$", "cluster-unreachable", "not read at the moment", Severity.WARNING)
    secret = Problem("Secret/a/b", 0, "Secret/a/b", "$", "cluster-forbidden", "refused")
    gone = Problem("BGPPeer/gone", 0, "BGPPeer/gone", "$", "unknown-field", "it is gone")
    assert events(loaded, away, secret, gone) == ()


def test_a_report_that_is_refused_is_on_the_node_plan() -> None:
    problem = Problem("NodePlan/a1", 0, "NodePlan/a1", "$.status.found", "report-refused", "it is not right")
    (found,) = events(Loaded(), problem)
    assert (found.subject, found.reason) == (Subject(NODE_PLAN, "a1"), "ReportRefused")
    assert found.note == "$.status.found: it is not right"


def test_of_many_problems_the_first_errors_of_each_object_are_reported() -> None:
    texts = [document("BGPPeer", f"p{number}", {"peerIP": "192.0.2.1", "asNumber": 1}) for number in range(MOST + 50)]
    problems = [
        Problem(name, 0, name, "$", "some-code", f"number {number}", Severity.WARNING)
        for name, _ in texts
        for number in range(MOST_OF_OBJECT * 2)
    ]
    error = Problem("BGPPeer/p9", 0, "BGPPeer/p9", "$", "some-code", "the error")
    found = of_resources(parse_documents(texts), (), [*problems, error])
    assert (len(found), found[0].note) == (MOST, "the error")
    assert sum(each.subject.name == "p9" for each in found) <= MOST_OF_OBJECT


def test_plans_that_are_not_written_are_on_the_node_and_deletions_on_the_node_plan() -> None:
    loaded = parse_documents([document("Node", "a1", {}, V3, "nodes.projectcalico.org")])
    first, second = of_plans(loaded, {"a1": "it is too large", "gone": "no"}, frozenset({"a2"}))
    assert (first.subject.kind.kind, first.subject.name, first.reason) == ("Node", "a1", "PlanNotWritten")
    assert first.note.endswith("it is too large")
    assert (second.subject, second.reason) == (Subject(NODE_PLAN, "a2"), "DeletionWithheld")


def test_a_code_becomes_a_reason_as_kubernetes_writes_them() -> None:
    assert reason_of("unknown-field") == "UnknownField"
    assert reason_of("reserved-as-number") == "ReservedAsNumber"
