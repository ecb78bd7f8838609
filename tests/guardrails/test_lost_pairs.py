"""Which pairs of nodes a change of the resources parts."""

from __future__ import annotations

from compiler_makers import bgp_peer, block, configuration, node

from bgpctl.compiler import CompileOptions
from bgpctl.guardrails.proof.lost_pairs import MOST_PAIRS, LostPairs, lost_pairs
from bgpctl.resources.resource_set import ResourceSet
from bgpctl.resources.values.model import Resource

RR = {"rr": "yes"}
TO_REFLECTORS = bgp_peer("to-reflectors", nodeSelector="all()", peerSelector="has(rr)")


def reflected(nodes: int, labels: dict[str, str] | None = RR) -> list[Resource]:
    reflectors = [node(f"r{place}", f"192.0.2.{place}/24", labels=labels, cluster_id="224.0.0.1") for place in (1, 2)]
    clients = [node(f"n{place}", f"198.51.100.{place}/24") for place in range(1, nodes + 1)]
    blocks = [block(f"n{place}", f"10.244.{place}.0/26") for place in range(1, nodes + 1)]
    return [configuration(nodeToNodeMeshEnabled=False), TO_REFLECTORS, *reflectors, *clients, *blocks]


def mesh(nodes: int, **spec: object) -> list[Resource]:
    return [configuration(**spec), *(node(f"n{place}", f"192.0.2.{place}/24") for place in range(1, nodes + 1))]


def lost(old: list[Resource], new: list[Resource], only: str = "") -> LostPairs:
    return lost_pairs(ResourceSet.of(*old), ResourceSet.of(*new), CompileOptions(), only)


def test_same_resources_part_nobody() -> None:
    assert lost(reflected(3), reflected(3)) == LostPairs()


def test_label_drift_parts_every_client_from_every_other() -> None:
    found = lost(reflected(4), reflected(4, labels={}))
    assert found.count == 4 * 3 + 4 * 2, "no client reaches another one, and no reflector a client"
    assert len(found.first) == MOST_PAIRS
    assert any(
        str(each) == "n2 no longer reaches 10.244.1.0/26 of n1 (IPv4): no session leads there" for each in found.first
    )


def test_mesh_that_is_switched_off_parts_all_pairs() -> None:
    found = lost(mesh(30), mesh(30, nodeToNodeMeshEnabled=False))
    assert found.count == 30 * 29
    assert str(found.first[0]) == "n10 no longer reaches what n1 originates (IPv4): no session leads there"


def test_move_to_reflectors_parts_nobody() -> None:
    old = [configuration(), *reflected(4)[4:8], *reflected(4)[8:]]
    assert lost(old, reflected(4)).count == 0


def test_node_that_goes_is_no_lost_pair() -> None:
    assert lost(mesh(4), mesh(3)).count == 0


def test_node_that_loses_its_address_is_parted_from_all() -> None:
    found = lost(mesh(3), [*mesh(2), node("n3")])
    assert found.count == 4
    assert {(each.origin, each.destination) for each in found.first} == {
        ("n1", "n3"), ("n2", "n3"), ("n3", "n1"), ("n3", "n2"),
    }  # fmt: skip


def test_pair_that_was_parted_before_is_not_lost() -> None:
    without = mesh(3, nodeToNodeMeshEnabled=False)
    assert lost(without, without).count == 0
    one = bgp_peer("one", node="n1", peerIP="192.0.2.2", asNumber=64512)
    assert lost([*without, one], without).count == 2


def test_pairs_of_one_node_can_be_asked_for() -> None:
    found = lost(mesh(4), mesh(4, nodeToNodeMeshEnabled=False), only="n3")
    assert found.count == 6
    assert all("n3" in (each.origin, each.destination) for each in found.first)


def test_pair_that_depends_on_routers_outside_is_not_known() -> None:
    tor = bgp_peer("tor", peerIP="192.0.2.253", asNumber=65001, numAllowedLocalASNumbers=1)
    found = lost([*mesh(3), tor], [*mesh(3, nodeToNodeMeshEnabled=False), tor])
    assert (found.count, found.unknown) == (0, 6)


def test_routers_outside_bring_nothing_back_into_the_as_of_the_nodes() -> None:
    tor = bgp_peer("tor", peerIP="192.0.2.253", asNumber=65001)
    found = lost([*mesh(3), tor], [*mesh(3, nodeToNodeMeshEnabled=False), tor])
    assert (found.count, found.unknown) == (6, 0)
    assert "AS loop" in found.first[0].obstacle
