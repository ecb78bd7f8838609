"""What a confirmation lets through, and what of the brake outlives the agent."""

from __future__ import annotations

import msgspec
import pytest
from braked_node import BrakedNode
from compiler_makers import annotated, bgp_peer, block, configuration, node, pool

from bgpctl.brake import decode_best_state, encode_best_state
from bgpctl.resources.values.model import Resource

PEERS = bgp_peer("to-reflectors", nodeSelector="all()", peerSelector="has(rr)")
PODS = pool("pods", "10.244.0.0/16")
BLOCK = block("n1", "10.244.1.0/26")


def cluster(configured: Resource, *others: Resource, labels: dict[str, str] | None = None) -> list[Resource]:
    wanted = {"rr": "yes"} if labels is None else labels
    reflectors = [node(f"r{place}", f"192.0.2.{place}/24", labels=wanted, cluster_id="224.0.0.1") for place in (1, 2)]
    return [configured, PEERS, PODS, *reflectors, node("n1", "192.0.2.11/24"), node("n2", "192.0.2.12/24"), *others]


PLAIN = configuration(nodeToNodeMeshEnabled=False)


def confirming(*digests: str) -> Resource:
    return annotated(PLAIN, confirm=", ".join(digests))


def test_confirmed_change_happens() -> None:
    n1 = BrakedNode("n1", *cluster(PLAIN))
    digest = n1.apply(*cluster(PLAIN, labels={})).digest
    n1.wait(1, confirmed=[digest])
    assert (n1.held, n1.established) == ([], [])
    n1.wait(1)
    assert n1.held == []


def test_annotation_confirms_on_all_nodes() -> None:
    nodes = [BrakedNode(name, *cluster(PLAIN)) for name in ("n1", "n2", "r1", "r2")]
    (digest,) = {each.apply(*cluster(PLAIN, labels={})).digest for each in nodes}
    for each in nodes:
        each.apply(*cluster(confirming(digest), labels={}))
        assert (each.held, each.established) == ([], [])


def test_digest_that_is_known_beforehand_confirms_in_the_same_change() -> None:
    digest = BrakedNode("n2", *cluster(PLAIN)).apply(*cluster(PLAIN, labels={})).digest
    n1 = BrakedNode("n1", *cluster(PLAIN))
    n1.apply(*cluster(confirming("0123456789ab", digest), labels={}))
    assert (n1.held, n1.established) == ([], [])


def test_another_loss_beside_the_confirmed_one_is_not_let_through() -> None:
    n1 = BrakedNode("n1", *cluster(PLAIN, BLOCK))
    digest = n1.apply(*cluster(PLAIN, BLOCK, labels={})).digest
    n1.apply(*cluster(confirming(digest), labels={}))
    assert n1.held == ["last-session", "originations"]
    assert len(n1.established) == 2


def test_confirmation_of_one_node_is_none_of_another() -> None:
    n1, n2 = (BrakedNode(name, *cluster(PLAIN, BLOCK, block("n2", "10.244.2.0/26"))) for name in ("n1", "n2"))
    digest = n1.apply(*cluster(PLAIN, block("n2", "10.244.2.0/26"))).digest
    assert n2.apply(*cluster(confirming(digest), BLOCK)).is_held


def test_node_that_alone_is_no_longer_selected_has_another_digest_than_all_nodes() -> None:
    """What was confirmed for one node must not let a whole cluster go later."""
    n1 = BrakedNode("n1", *cluster(PLAIN))
    without_n1 = bgp_peer("to-reflectors", nodeSelector="all()", peerSelector="has(rr)").model_copy(
        update={"spec": PEERS.spec.model_copy(update={"node_selector": "projectcalico.org/name != 'n1' && !has(n1)"})}
    )
    alone = [
        PLAIN,
        without_n1,
        *cluster(PLAIN)[2:5],
        node("n1", "192.0.2.11/24", labels={"n1": "x"}),
        cluster(PLAIN)[6],
    ]
    one = n1.apply(*alone).digest
    everywhere = BrakedNode("n1", *cluster(PLAIN)).apply(*cluster(PLAIN, labels={})).digest
    assert one
    assert one != everywhere


def test_confirmation_that_stays_in_the_resources_counts_once() -> None:
    n1 = BrakedNode("n1", *cluster(PLAIN))
    digest = n1.apply(*cluster(PLAIN, labels={})).digest
    n1.apply(*cluster(confirming(digest), labels={}))
    n1.apply(*cluster(confirming(digest)))
    assert len(n1.established) == 2
    n1.restart()
    n1.apply(*cluster(confirming(digest), labels={}))
    assert n1.held == ["last-session"]
    n1.apply(*cluster(PLAIN, labels={}))
    n1.apply(*cluster(confirming(digest), labels={}))
    assert n1.held == []


def test_after_a_confirmation_the_limits_count_against_what_is_left() -> None:
    def mesh(count: int) -> list[Resource]:
        return [node(f"n{place}", f"192.0.2.{place}/24") for place in range(1, count + 1)]

    n1 = BrakedNode("n1", *mesh(9))
    digest = n1.apply(*mesh(4)).digest
    n1.wait(1, confirmed=[digest])
    assert len(n1.established) == 3
    n1.apply(*mesh(3))
    assert n1.held == []


def test_held_change_outlives_a_restart_of_the_agent() -> None:
    n1 = BrakedNode("n1", *cluster(PLAIN))
    before = n1.running
    digest = n1.apply(*cluster(PLAIN, labels={})).digest
    n1.restart()
    assert n1.wait(1).digest == digest
    assert n1.running == before


def test_small_steps_are_remembered_over_a_restart() -> None:
    def mesh(count: int) -> list[Resource]:
        return [node(f"n{place}", f"192.0.2.{place}/24") for place in range(1, count + 1)]

    n1 = BrakedNode("n1", *mesh(7))
    n1.apply(*mesh(4))
    assert n1.held == []
    n1.restart()
    n1.apply(*mesh(3))
    assert n1.held


def test_clock_that_is_put_back_lets_nothing_through() -> None:
    n1 = BrakedNode("n1", *cluster(PLAIN))
    n1.now -= 1_000_000
    n1.apply(*cluster(PLAIN, labels={}))
    assert n1.held == ["last-session"]


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"version":2}', b'{"sessions":{"a":1}}', b"\xff" * 64])
def test_best_state_that_is_not_readable_is_refused(data: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        decode_best_state(data)


def test_best_state_is_read_as_it_was_written() -> None:
    n1 = BrakedNode("n1", *cluster(PLAIN, BLOCK))
    n1.wait(10)
    assert decode_best_state(encode_best_state(n1.best)) == n1.best
