"""What `bgpctl diff` says agents would hold is what they hold, under the same digest."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from braked_node import BrakedNode
from compiler_makers import annotated, bgp_peer, block, configuration, node, pool

from bgpctl.brake.forecast import Forecast, HeldForecast, Outcome
from bgpctl.compiler import ClusterIndex, CompileOptions, compile_cluster
from bgpctl.plan_diff import plan_pairs
from bgpctl.resources.resource_set import ResourceSet
from bgpctl.resources.values.model import Resource

RR = {"rr": "yes"}
NO_MESH = configuration(nodeToNodeMeshEnabled=False, asNumber=64512)
TO_REFLECTORS = bgp_peer("to-reflectors", nodeSelector="all()", peerSelector="has(rr)")
PODS = pool("pods", "10.244.0.0/16")
NAMES = ("r1", "r2", "n1", "n2", "n3")


def cluster(*others: Resource, labels: dict[str, str] | None = RR, asn: int = 64512, blocks: int = 5) -> list[Resource]:
    reflectors = [node(f"r{place}", f"192.0.2.{place}/24", labels=labels, cluster_id="224.0.0.1") for place in (1, 2)]
    nodes = [node(f"n{place}", f"192.0.2.1{place}/24") for place in (1, 2, 3)]
    found = [block(name, f"10.244.{place}.0/26") for place, name in enumerate(NAMES[:blocks])]
    configured = configuration(nodeToNodeMeshEnabled=False, asNumber=asn)
    return [configured, TO_REFLECTORS, PODS, *reflectors, *nodes, *found, *others]


def forecast(old: list[Resource], new: list[Resource]) -> tuple[HeldForecast, ...]:
    before, after = ResourceSet.of(*old), ResourceSet.of(*new)
    found = Forecast(ClusterIndex(before), ClusterIndex(after), CompileOptions())
    plans = ([each.plan for each in compile_cluster(resources)] for resources in (before, after))
    for was, becomes in plan_pairs(*plans):
        found.take(was, becomes)
    return found.held()


def agents(old: list[Resource], new: list[Resource]) -> dict[str, str]:
    """Node -> the digest that its agent prints, where it holds something; all other blocks are in its kernel."""
    found = {}
    for name in NAMES:
        one = BrakedNode(name, *old)
        decision = one.apply(*new)
        if decision.is_held:
            found[name] = decision.digest
    return found


def changed(place: int, resource: Resource) -> Callable[[], list[Resource]]:
    return lambda: [*cluster()[:place], resource, *cluster()[place + 1 :]]


@pytest.mark.parametrize(
    "new",
    [
        pytest.param(lambda: cluster(labels={}), id="label drift"),
        pytest.param(
            changed(1, bgp_peer("to-reflectors", nodeSelector="all()", peerSelector="has(typo)")), id="selector"
        ),
        pytest.param(lambda: cluster(asn=64513), id="AS of the cluster"),
        pytest.param(lambda: cluster(blocks=0), id="blocks"),
        pytest.param(lambda: cluster()[:3], id="all nodes missing"),
        pytest.param(lambda: cluster()[:5], id="three nodes missing"),
        pytest.param(changed(2, pool("pods", "10.244.0.0/16", vxlanMode="Always")), id="encapsulation"),
        pytest.param(changed(5, node("n1", "192.0.2.11/24", cluster_id="224.0.0.1")), id="cluster ID"),
        pytest.param(lambda: [NO_MESH], id="everything missing"),
        pytest.param(cluster, id="nothing"),
    ],
)
def test_digests_are_those_of_the_agents(new: Callable[[], list[Resource]]) -> None:
    found = forecast(cluster(), new())
    assert {name: each.digest for one in found for each in one.digests for name in each.nodes} == agents(
        cluster(), new()
    )
    assert all(each.outcome is Outcome.HELD for each in found)


def test_one_digest_for_all_nodes_is_one_forecast_with_its_cause() -> None:
    mesh = [configuration(), *(node(name, f"192.0.2.{place}/24") for place, name in enumerate(NAMES, start=1))]
    wrong = [configuration(asNumber=64513), *mesh[1:]]
    (found,) = forecast(mesh, wrong)
    assert found.nodes == tuple(sorted(NAMES))
    assert len(found.digests) == 1
    assert [each.kind for each in found.losses] == ["last-session"]
    assert "BGPConfiguration default: asNumber" in found.causes[0]


def test_what_the_new_resources_confirm_is_confirmed() -> None:
    (held, *_) = forecast(cluster(), cluster(labels={}))
    digests = ", ".join({each.digest for one in forecast(cluster(), cluster(labels={})) for each in one.digests})
    confirming = [annotated(cluster()[0], confirm=digests), *cluster(labels={})[1:]]
    assert held.outcome is Outcome.HELD
    assert {each.outcome for each in forecast(cluster(), confirming)} == {Outcome.CONFIRMED}


def test_network_without_blocks_of_others_weighs_nothing() -> None:
    """One of two pools goes: it is held by what is inside, not by the number of pools."""
    second = pool("second", "10.245.0.0/16")
    assert forecast(cluster(second), cluster()) == ()
    assert [
        each.kind for each in forecast(cluster(second), [*cluster(second)[:2], *cluster(second)[3:]])[0].losses
    ] == ["kernel-routes"]


def test_mesh_that_reflectors_replace_is_held_until_they_are_established() -> None:
    """In one step from the mesh: that needs no confirmation."""
    names = (*NAMES, "n4", "n5", "n6")
    nodes = [node(name, f"192.0.2.{place}/24") for place, name in enumerate(names, start=1)]
    reflectors = [node(f"r{place}", f"192.0.2.{place}/24", labels=RR, cluster_id="224.0.0.1") for place in (1, 2)]
    mesh = [configuration(), PODS, *nodes]
    found = forecast(mesh, [NO_MESH, TO_REFLECTORS, PODS, *reflectors, *nodes[2:]])
    assert {each.outcome for each in found} == {Outcome.REPLACED}
    alone = bgp_peer("to-reflectors", nodeSelector="all()", peerSelector="has(typo)")
    assert {each.outcome for each in forecast(mesh, [NO_MESH, alone, PODS, *reflectors, *nodes[2:]])} == {Outcome.HELD}
