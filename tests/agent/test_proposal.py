"""What the agent makes of the resources, time after time."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bgpctl.agent.node_resources import NodeResources
from bgpctl.agent.plan import proposal as proposals
from bgpctl.agent.plan.planning import Planning
from bgpctl.agent.plan.proposal import Proposer
from bgpctl.compiler import CompileOptions
from bgpctl.compiler.cluster import index as cluster
from bgpctl.daemon.internal_errors import InternalErrors
from bgpctl.resources import parse_documents
from reflector.plan import NodePlan


def node(name: str, address: str) -> str:
    return (
        f"apiVersion: projectcalico.org/v3\nkind: Node\nmetadata: {{name: {name}}}\n"
        f"spec: {{bgp: {{ipv4Address: {address}}}}}\n"
    )


def resources(*documents: str, previous: NodeResources | None = None) -> NodeResources:
    """As node `a` sees them."""
    text = "---\n".join(documents)
    return NodeResources("a", parse_documents([("cluster.yaml", text)], previous.loaded if previous else None))


def wanted(proposer: Proposer, seen: NodeResources) -> NodePlan:
    proposal = proposer.propose(seen)
    assert proposal.wanted is not None, proposal.problems
    assert proposal.wanted.plan is not None
    return proposal.wanted.plan


def test_a_proposal_does_not_depend_on_what_was_proposed_before() -> None:
    first = resources(node("a", "10.0.0.1/24"), node("b", "10.0.0.2/24"), node("c", "10.0.0.3/24"))
    then = resources(node("a", "10.0.0.1/24"), node("b", "10.0.0.9/24"), node("d", "10.0.0.4/24"), previous=first)
    proposer = Proposer(CompileOptions())
    wanted(proposer, first)
    assert wanted(proposer, then) == wanted(Proposer(CompileOptions()), then)
    assert [each.peer_address for each in wanted(proposer, then).sessions] == ["10.0.0.4", "10.0.0.9"]


def test_only_what_changed_is_worked_out_again(monkeypatch: pytest.MonkeyPatch) -> None:
    worked_out: list[str] = []
    really = cluster.node_facts
    monkeypatch.setattr(cluster, "node_facts", lambda node: worked_out.append(node.name) or really(node))
    first = resources(node("a", "10.0.0.1/24"), node("b", "10.0.0.2/24"), node("c", "10.0.0.3/24"))
    proposer = Proposer(CompileOptions())
    wanted(proposer, first)
    assert worked_out == ["a", "b", "c"]
    changed = resources(node("a", "10.0.0.1/24"), node("b", "10.0.0.9/24"), node("c", "10.0.0.3/24"), previous=first)
    wanted(proposer, changed)
    assert worked_out == ["a", "b", "c", "b"]


def test_resources_with_errors_leave_the_next_proposal_as_good_as_any() -> None:
    good = resources(node("a", "10.0.0.1/24"), node("b", "10.0.0.2/24"))
    bad = resources(node("a", "10.0.0.1/24"), node("b", "nonsense"), previous=good)
    again = resources(node("a", "10.0.0.1/24"), node("b", "10.0.0.3/24"), previous=bad)
    proposer = Proposer(CompileOptions())
    wanted(proposer, good)
    assert wanted(proposer, bad).sessions == ()
    assert [each.peer_address for each in wanted(proposer, again).sessions] == ["10.0.0.3"]


def test_resources_that_wait_make_no_plan_and_say_why() -> None:
    seen = replace(resources(node("a", "10.0.0.1/24")), waits=("it waits",))
    proposal = Proposer(CompileOptions()).propose(seen)
    assert (proposal.wanted, [each.message for each in proposal.problems]) == (None, ["it waits"])


def test_a_node_that_is_not_there_is_an_error_until_it_comes() -> None:
    alone = resources(node("b", "10.0.0.2/24"))
    both = resources(node("a", "10.0.0.1/24"), node("b", "10.0.0.2/24"), previous=alone)
    proposer = Proposer(CompileOptions())
    proposal = proposer.propose(alone)
    assert proposal.wanted is not None
    assert (proposal.wanted.plan, proposal.problems[0].severity) == (None, "error")
    assert wanted(proposer, both).node == "a"


def test_exception_in_planning_leaves_the_last_good_plan_and_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = resources(node("a", "10.0.0.1/24"))
    errors = InternalErrors()
    planning = Planning(CompileOptions(), errors)
    assert asyncio.run(planning.plan(seen)) is not None

    def fails(*_: object) -> None:
        raise KeyError("not ours")

    with monkeypatch.context() as patch:
        patch.setattr(proposals, "compile_node", fails)
        assert asyncio.run(planning.plan(seen)) is None
    assert (planning.usable, errors.count) == (False, 1)
    assert "planning failed with KeyError" in planning.problems[0].message
    assert asyncio.run(planning.plan(seen)) is not None
    assert (planning.usable, planning.problems, errors.count) == (True, (), 1)
