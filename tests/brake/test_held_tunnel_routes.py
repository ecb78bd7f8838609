"""Routes to blocks of nodes without a BGP speaker that a wanted plan takes: they follow the resources alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import pytest
from braked_node import BrakedNode, OfObject, assert_valid
from compiler_makers import block, configuration, node, pool

from bgpctl.resources.kinds.block_affinity import BlockAffinity
from bgpctl.resources.kinds.node import Node
from bgpctl.resources.values.model import Resource

N1 = node("n1", "192.0.2.1/24", ipv4VXLANTunnelAddr="10.244.1.0")
N2 = node("n2", "192.0.2.2/24", ipv4VXLANTunnelAddr="10.244.2.0")
PODS = pool("pods", "10.244.0.0/16", vxlanMode="Always")
OWN = block("n1", "10.244.1.0/26")


def windows(number: int, *, tunnel: bool = True, labelled: bool = True) -> Node:
    return node(
        f"w{number}",
        f"192.0.2.{number}/24",
        labels={"kubernetes.io/os": "windows"} if labelled else {},
        ipv4VXLANTunnelAddr=f"10.244.{number}.1" if tunnel else "",
    )


def of(number: int, node_name: str = "") -> BlockAffinity:
    return block(node_name or f"w{number}", f"10.244.{number}.0/26")


WINDOWS = [windows(each) for each in (11, 12, 13, 14)]
BLOCKS = [of(each) for each in (11, 12, 13, 14)]
CLUSTER: list[Resource] = [N1, N2, PODS, OWN, *WINDOWS]
ROUTES = {f"10.244.{each}.0/26": f"10.244.{each}.1" for each in (11, 12, 13, 14)}


class Braked(Protocol):
    def __call__(self, name: str = "n1", *, resources: Iterable[Resource] = ...) -> BrakedNode: ...


@pytest.fixture(params=(BrakedNode, OfObject))
def braked(request: pytest.FixtureRequest) -> Braked:
    """A node that is judged by the resources, and one that has its object alone."""

    def make(name: str = "n1", *, resources: Iterable[Resource] = (*CLUSTER, *BLOCKS)) -> BrakedNode:
        made: BrakedNode = request.param(name, *resources, without_felix=True)
        return made

    return make


def test_half_of_them_may_go(braked: Braked) -> None:
    n1 = braked()
    n1.apply(*CLUSTER, *BLOCKS[:2])
    assert (n1.held, list(n1.tunnel_routes)) == ([], list(ROUTES)[:2])


def test_a_list_of_blocks_that_is_cut_short_is_held(braked: Braked) -> None:
    n1 = braked()
    n1.apply(*CLUSTER, BLOCKS[0])
    assert (n1.held, n1.tunnel_routes) == (["tunnel-routes"], ROUTES)
    assert {*ROUTES, "10.244.1.0/26"} == set(n1.prefixes)
    (change,) = n1.changes
    assert change.sentence == (
        "3 of 4 blocks of nodes without a BGP speaker are no longer routed "
        "(10.244.12.0/26, 10.244.13.0/26, 10.244.14.0/26)"
    )
    assert str(change.causes[0]) == "BlockAffinity 10.244.12.0/26 of w12: it is missing"
    assert n1.running is not None
    assert_valid(n1.running)
    n1.apply(*CLUSTER, *BLOCKS)
    assert n1.held == []


def test_they_count_together_over_ten_minutes(braked: Braked) -> None:
    n1 = braked()
    n1.apply(*CLUSTER, *BLOCKS[:2])
    n1.wait(300)
    n1.restart()
    n1.apply(*CLUSTER, *BLOCKS[:1])
    assert n1.held == ["tunnel-routes"]
    assert list(n1.tunnel_routes) == list(ROUTES)[:2]


def test_after_ten_minutes_they_count_no_more(braked: Braked) -> None:
    n1 = braked()
    n1.apply(*CLUSTER, *BLOCKS[:2])
    n1.wait(700)
    n1.apply(*CLUSTER, *BLOCKS[:1])
    assert n1.held == []


def test_the_one_block_of_the_one_node_comes_and_goes(braked: Braked) -> None:
    cluster = [N1, N2, PODS, OWN, WINDOWS[0]]
    n1 = braked(resources=(*cluster, BLOCKS[0]))
    n1.apply(*cluster)
    assert (n1.held, n1.tunnel_routes) == ([], {})


def test_nodes_that_lose_their_label_are_held_with_their_routes(braked: Braked) -> None:
    """Sessions with them would be wanted, and none would come up."""
    n1 = braked()
    n1.apply(N1, N2, PODS, OWN, *(windows(each, labelled=False) for each in (11, 12, 13, 14)), *BLOCKS)
    assert (n1.held, n1.tunnel_routes) == (["tunnel-routes"], ROUTES)
    assert str(n1.changes[0].causes[0]) == "Node w11: it has a BGP speaker, and its blocks are to come by BGP"


def test_nodes_that_lose_their_end_of_the_vxlan_are_held_with_it(braked: Braked) -> None:
    n1 = braked()
    n1.apply(N1, N2, PODS, OWN, *(windows(each, tunnel=False) for each in (11, 12, 13, 14)), *BLOCKS)
    assert (n1.held, n1.tunnel_routes) == (["kernel-routes", "tunnel-routes"], ROUTES)
    assert n1.running is not None
    assert {each.node for each in n1.running.kernel.vxlans[0].vteps} == {"n2", "w11", "w12", "w13", "w14"}


def test_most_nodes_missing_keeps_the_way_to_their_blocks() -> None:
    """By the resources; how many are missing is the controller's to judge where a node has its object alone."""
    n1 = BrakedNode("n1", *CLUSTER, *BLOCKS, without_felix=True)
    n1.apply(N1, PODS, OWN, *BLOCKS)
    assert (n1.held, n1.tunnel_routes) == (["nodes"], ROUTES)


def test_a_few_nodes_that_are_deleted_take_their_routes_with_them(braked: Braked) -> None:
    n1 = braked()
    n1.apply(N1, N2, PODS, OWN, *WINDOWS[:3], *BLOCKS)
    assert (n1.held, list(n1.tunnel_routes)) == ([], list(ROUTES)[:3])
    assert "10.244.14.0/26" not in n1.prefixes


def test_blocks_that_move_are_never_held(braked: Braked) -> None:
    n1 = braked()
    n1.apply(*CLUSTER, *(block("n2", prefix) for prefix in ROUTES))
    assert (n1.held, n1.tunnel_routes) == ([], {})


def test_blocks_that_have_moved_count_no_more(braked: Braked) -> None:
    n1 = braked()
    n1.apply(*CLUSTER, *BLOCKS[:2], of(13, "n2"), of(14, "n1"))
    assert list(n1.tunnel_routes) == list(ROUTES)[:2]
    n1.apply(*CLUSTER, BLOCKS[0], of(13, "n2"), of(14, "n1"))
    assert (n1.held, list(n1.tunnel_routes)) == ([], list(ROUTES)[:1])


def test_a_block_that_moves_and_comes_back_counts(braked: Braked) -> None:
    n1 = braked()
    n1.apply(*CLUSTER, *BLOCKS[:3], of(14, "n2"))
    n1.apply(*CLUSTER, *BLOCKS)
    assert n1.tunnel_routes == ROUTES
    n1.apply(N1, N2, PODS, OWN, *(windows(each, labelled=False) for each in (11, 12, 13, 14)), *BLOCKS)
    assert n1.held == ["tunnel-routes"]
    assert len(n1.changes[0].tunnel_routes) == 4


def test_a_held_route_leads_to_where_its_node_is_now(braked: Braked) -> None:
    n1 = braked()
    moved = node("w14", "192.0.2.14/24", labels={"kubernetes.io/os": "windows"}, ipv4VXLANTunnelAddr="10.244.14.9")
    n1.apply(N1, N2, PODS, OWN, *WINDOWS[:3], moved, BLOCKS[0])
    assert n1.held == ["tunnel-routes"]
    assert n1.tunnel_routes == {**ROUTES, "10.244.14.0/26": "10.244.14.9"}


def test_a_pool_that_loses_its_vxlan_is_one_loss_and_keeps_the_routes(braked: Braked) -> None:
    n1 = braked()
    n1.apply(N1, N2, OWN, pool("pods", "10.244.0.0/16"), *WINDOWS, *BLOCKS)
    assert (n1.held, n1.tunnel_routes) == (["kernel-routes"], ROUTES)


def test_a_confirmation_of_one_node_is_one_for_all(braked: Braked) -> None:
    n1 = braked()
    n2 = braked("n2")
    for each in (n1, n2):
        each.apply(*CLUSTER)
    assert n1.decision.digest == n2.decision.digest != ""
    n1.wait(1, confirmed=[n1.decision.digest])
    assert (n1.held, n1.tunnel_routes) == ([], {})


def test_the_limit_is_that_of_routes(braked: Braked) -> None:
    n1 = braked()
    off = configuration().model_copy(
        update={
            "metadata": configuration().metadata.model_copy(
                update={"annotations": {"bgpctl.io/lost-routes-limit": "off"}}
            )
        }
    )
    n1.apply(*CLUSTER, off)
    assert (n1.held, n1.tunnel_routes) == ([], {})


def test_own_blocks_count_without_those_of_others(braked: Braked) -> None:
    n1 = braked()
    n1.apply(*(each for each in CLUSTER if each is not OWN), *BLOCKS)
    assert n1.held == ["originations"]
    assert n1.changes[0].sentence == "1 of 1 prefixes of this node are no longer originated (10.244.1.0/26)"
