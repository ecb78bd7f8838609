"""Policies that reject what they accepted: sessions stay up, and the node is as isolated as without them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from braked_node import BrakedNode, assert_valid
from compiler_makers import annotated, bgp_filter, bgp_peer, block, configuration, exports, learned, node, pool, secret
from compiler_makers import ask as ask_policies

from bgpctl.brake import Source
from bgpctl.resources.values.model import Resource

RR = {"rr": "yes"}
NO_MESH = configuration(nodeToNodeMeshEnabled=False, asNumber=64512)
PODS = pool("pods", "10.244.0.0/16")
R1, R2, TOR = "192.0.2.1", "192.0.2.2", "192.0.2.253"
NAMES = ("r1", "r2", "n1", "n2", "n3")
ACCEPTS = {"action": "Accept", "cidr": "10.244.0.0/16", "matchOperator": "In"}
REJECTS = {"action": "Reject"}


def to_reflectors(**spec: object) -> Resource:
    return bgp_peer("to-reflectors", nodeSelector="all()", peerSelector="has(rr)", **spec)


def cluster(peer: Resource, *others: Resource, pools: tuple[Resource, ...] = (PODS,)) -> list[Resource]:
    """r1 and r2 reflect for n1, n2 and n3; each node has a block."""
    reflectors = [node(f"r{place}", f"192.0.2.{place}/24", labels=RR, cluster_id="224.0.0.1") for place in (1, 2)]
    nodes = [node(f"n{place}", f"192.0.2.1{place}/24") for place in (1, 2, 3)]
    blocks = [block(name, f"10.244.{place}.0/26") for place, name in enumerate(NAMES)]
    return [NO_MESH, peer, *pools, *reflectors, *nodes, *blocks, *others]


def filtered(**rules: list[dict[str, object]]) -> list[Resource]:
    return cluster(to_reflectors(filters=["some"]), bgp_filter("some", **rules))


PLAIN = filtered(importV4=[ACCEPTS], exportV4=[ACCEPTS])


@pytest.mark.parametrize(
    "rules",
    [
        pytest.param({"importV4": [REJECTS]}, id="import of everything"),
        pytest.param({"exportV4": [REJECTS]}, id="export of everything"),
        pytest.param({"importV4": [REJECTS], "exportV4": [REJECTS]}, id="both"),
        pytest.param({"importV4": [REJECTS | {"cidr": "0.0.0.0/0", "matchOperator": "In"}]}, id="everything by prefix"),
        pytest.param({"importV4": [REJECTS | {"cidr": "10.0.0.0/8", "matchOperator": "In"}]}, id="more than the pods"),
        pytest.param({"importV4": [REJECTS | {"cidr": "10.99.0.0/16", "matchOperator": "NotIn"}]}, id="all but others"),
        pytest.param({"importV4": [REJECTS | {"peerType": "iBGP"}]}, id="by type of peer"),
        pytest.param({"importV4": [REJECTS | {"source": "RemotePeers"}]}, id="by source"),
        pytest.param({"importV4": [ACCEPTS | {"cidr": "10.99.0.0/16"}, REJECTS]}, id="only others"),
        pytest.param(
            {"importV4": [REJECTS | {"cidr": "10.244.0.0/22", "matchOperator": "In"}]}, id="most of the blocks"
        ),
    ],
)
def test_filter_that_rejects_what_it_accepted_is_held_like_its_sessions(
    rules: dict[str, list[dict[str, object]]],
) -> None:
    n1 = BrakedNode("n1", *PLAIN)
    before = n1.running
    n1.apply(*filtered(**rules))
    assert n1.held == ["last-session"]
    assert n1.running == before
    assert n1.changes[0].sentence == (
        "no session to a reflector, to the mesh or to another node is left for IPv4 whose routes are not rejected "
        "(r1, r2)"
    )
    assert all(str(each).startswith("BGPFilter some: ") for each in n1.changes[0].causes)
    assert_valid(n1.running)
    n1.wait(2)
    assert n1.running == before
    n1.apply(*PLAIN)
    assert n1.held == []
    assert n1.running == before


@pytest.mark.parametrize(
    "rules",
    [
        pytest.param({"importV4": [REJECTS | {"cidr": "10.244.4.0/26", "matchOperator": "Equal"}]}, id="one block"),
        pytest.param({"importV4": [REJECTS | {"peerType": "eBGP"}]}, id="another type of peer"),
        pytest.param({"importV4": [REJECTS | {"cidr": "10.99.0.0/16", "matchOperator": "In"}]}, id="other networks"),
        pytest.param({"importV4": [ACCEPTS, REJECTS]}, id="everything else"),
        pytest.param({}, id="no rules"),
    ],
)
def test_filter_that_goes_on_accepting_most_is_followed(rules: dict[str, list[dict[str, object]]]) -> None:
    n1 = BrakedNode("n1", *PLAIN)
    n1.apply(*filtered(**rules))
    assert n1.held == []


def test_filter_on_what_is_not_known_is_followed() -> None:
    """Whether routes have a community depends on who sends them."""
    n1 = BrakedNode("n1", *PLAIN)
    n1.apply(*filtered(importV4=[REJECTS | {"communities": {"values": ["64512:9"]}}]))
    assert n1.held == []


def test_filter_that_a_bgp_peer_gets_is_held() -> None:
    rejects = bgp_filter("some", importV4=[REJECTS])
    n1 = BrakedNode("n1", *cluster(to_reflectors(), rejects))
    before = n1.running
    n1.apply(*cluster(to_reflectors(filters=["some"]), rejects))
    assert (n1.held, n1.running) == (["last-session"], before)


def test_filter_of_one_reflector_of_two_is_followed() -> None:
    peers = [bgp_peer(f"to-{name}", nodeSelector="all()", peerSelector=f"only == '{name}'") for name in ("r1", "r2")]
    labelled = [
        node(f"r{place}", f"192.0.2.{place}/24", labels={"only": f"r{place}"}, cluster_id="224.0.0.1")
        for place in (1, 2)
    ]
    rest = [*cluster(peers[0])[5:], peers[1], *labelled, bgp_filter("some", importV4=[REJECTS])]
    n1 = BrakedNode("n1", NO_MESH, PODS, peers[0], *rest)
    rejecting = bgp_peer("to-r1", nodeSelector="all()", peerSelector="only == 'r1'", filters=["some"])
    n1.apply(NO_MESH, PODS, rejecting, *rest)
    assert n1.held == []


def test_what_a_filter_rejects_has_one_digest_on_all_nodes() -> None:
    nodes = [BrakedNode(name, *PLAIN) for name in ("n1", "n2", "n3")]
    wrong = filtered(importV4=[REJECTS], exportV4=[ACCEPTS])
    (digest,) = {each.apply(*wrong).digest for each in nodes}
    nodes[0].wait(1, confirmed=[digest])
    assert nodes[0].held == []
    assert nodes[0].running is not None
    assert ask_policies(nodes[0].running, R1, learned("10.244.3.0/26"), "import") is None
    other = filtered(importV4=[REJECTS | {"cidr": "10.0.0.0/8", "matchOperator": "In"}], exportV4=[ACCEPTS])
    assert nodes[1].apply(*other).digest != digest


def test_new_block_is_advertised_while_a_filter_is_held() -> None:
    n1 = BrakedNode("n1", *PLAIN)
    n1.apply(*filtered(importV4=[REJECTS]), block("n1", "10.244.77.0/26"))
    assert n1.held == ["last-session"]
    assert n1.running is not None
    assert "10.244.77.0/26" in exports(n1.running, R1, "10.244.77.0/26", "10.244.2.0/26")


def test_filter_that_changes_with_the_sessions_that_ask_it_is_held_with_them() -> None:
    """Sessions that are held ask the policies that let their routes through."""
    n1 = BrakedNode("n1", *PLAIN)
    before = n1.running
    n1.apply(*PLAIN[:1], *filtered(importV4=[REJECTS])[2:])
    assert n1.held == ["last-session"]
    assert n1.running == before


DISABLED = pool("pods", "10.244.0.0/16", disableBGPExport=True)


@pytest.mark.parametrize("name", ["n1", "r1"])
def test_export_that_is_disabled_on_all_pools_is_held_and_a_new_block_goes_on(name: str) -> None:
    one = BrakedNode(name, *cluster(to_reflectors()))
    before = one.running
    one.apply(*cluster(to_reflectors(), pools=(DISABLED,)), block(name, "10.244.77.0/26"))
    assert one.held[0] == "last-session"
    assert "IPPool pods: export: reject" in str(one.changes[0].causes[0])
    assert one.running is not None
    assert before is not None
    peer = R2 if name == "r1" else R1
    texts = ["10.244.0.0/26" if name == "r1" else "10.244.2.0/26", "10.244.77.0/26"]
    assert exports(one.running, peer, *texts) == texts
    once = one.running
    one.wait(2)
    assert one.running == once
    one.apply(*cluster(to_reflectors()))
    assert (one.held, one.running) == ([], before)


def test_export_that_is_disabled_on_one_pool_of_two_is_followed() -> None:
    both = (PODS, pool("more", "10.245.0.0/16"))
    blocks = [block(name, f"10.245.{place}.0/26") for place, name in enumerate(NAMES)]
    n1 = BrakedNode("n1", *cluster(to_reflectors(), *blocks, pools=both))
    n1.apply(*cluster(to_reflectors(), *blocks, pools=(PODS, pool("more", "10.245.0.0/16", disableBGPExport=True))))
    assert n1.held == []


def test_pool_that_vanishes_is_held_on_a_reflector_without_kernel_routes() -> None:
    """What it reflects is accepted by the rule of the pool."""
    r1 = BrakedNode("r1", *cluster(to_reflectors()))
    r1.installed = {"10.244.0.0/16": 0, "": 0}
    r1.wait(1)
    before = r1.running
    r1.apply(*cluster(to_reflectors(), pools=()))
    assert r1.held[0] == "last-session"
    assert [str(each) for each in r1.changes[0].causes] == ["IPPool pods: it is missing"]
    assert r1.running is not None
    assert before is not None
    assert r1.running.policies == before.policies
    texts = ["10.244.3.0/26", "10.244.4.0/26"]
    assert exports(r1.running, "192.0.2.11", *map(learned, texts)) == texts


def outside(**spec: object) -> list[Resource]:
    tor = bgp_peer("tor", peerIP=TOR, asNumber=65001, **spec)
    some = [
        bgp_filter(
            "default-only", importV4=[{"action": "Accept", "cidr": "0.0.0.0/0", "matchOperator": "Equal"}, REJECTS]
        ),
        bgp_filter("nothing", importV4=[REJECTS], exportV4=[REJECTS]),
        bgp_filter("nothing-out", exportV4=[REJECTS]),
    ]
    return [NO_MESH, PODS, node("n1", "192.0.2.11/24"), block("n1", "10.244.1.0/26"), tor, *some]


@pytest.mark.parametrize(
    ("filters", "held"),
    [(["default-only"], []), (["nothing"], ["last-session"]), (["nothing-out"], ["last-session"])],
)
def test_of_a_router_outside_only_the_loss_of_all_counts(filters: list[str], held: list[str]) -> None:
    n1 = BrakedNode("n1", *outside())
    n1.apply(*outside(filters=filters))
    assert n1.held == held


def test_one_family_of_a_session_that_carries_both() -> None:
    def resources(*filters: Resource) -> list[Resource]:
        nodes = [node(f"n{place}", f"192.0.2.{place}/24", f"2001:db8::{place}/64") for place in (1, 2, 3)]
        peer = annotated(
            bgp_peer("mesh", nodeSelector="all()", peerSelector="all()", filters=["some"]), families="ipv4,ipv6"
        )
        blocks = [
            block(f"n{place}", cidr) for place in (1, 2, 3) for cidr in (f"10.244.{place}.0/26", f"fd00:{place}::/122")
        ]
        return [NO_MESH, peer, PODS, pool("six", "fd00::/16"), *nodes, *blocks, *filters]

    n1 = BrakedNode("n1", *resources(bgp_filter("some", importV4=[ACCEPTS])))
    n1.apply(*resources(bgp_filter("some", importV6=[REJECTS])))
    assert n1.held[0] == "last-session"
    assert "IPv6" in n1.changes[0].sentence
    assert not any("IPv4" in each.sentence for each in n1.changes)


# ------------------------------------------------------------------------------------------ neighbours


def racks(allowed: int, *, outside: bool) -> list[Resource]:
    """One AS of all nodes, and the session that joins them goes through another one."""
    nodes = [node(f"n{place}", f"192.0.2.{place}/24") for place in (1, 2)]
    tor = bgp_peer("tor", peerIP=TOR, asNumber=65001, numAllowedLocalASNumbers=allowed)
    return [configuration(nodeToNodeMeshEnabled=not outside), *nodes, tor]


def test_fewer_own_as_numbers_are_held_where_the_proof_does_not_know_that_nothing_is_lost() -> None:
    n1 = BrakedNode("n1", *racks(1, outside=True))
    n1.apply(*racks(0, outside=True))
    assert n1.held == ["last-session"]
    assert "allow_local_as 1 -> 0" in str(n1.changes[0].causes[0])
    n1.wait(2)
    assert n1.held == ["last-session"]
    n1 = BrakedNode("n1", *racks(1, outside=False))
    n1.apply(*racks(0, outside=False))
    assert n1.held == []


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda: cluster(to_reflectors(keepOriginalNextHop=True)), id="next hop"),
        pytest.param(
            lambda: cluster(to_reflectors(), pools=(pool("pods", "10.244.0.0/16", nodeSelector="!all()"),)),
            id="selector",
        ),
        pytest.param(
            lambda: cluster(to_reflectors(), pools=(pool("pods", "10.244.0.0/16", disabled=True),)), id="disabled"
        ),
        pytest.param(lambda: cluster(to_reflectors(numAllowedLocalASNumbers=2)), id="more of the own AS"),
    ],
)
def test_neighbours_that_take_nothing_are_followed(change: Callable[[], list[Resource]]) -> None:
    n1 = BrakedNode("n1", *cluster(to_reflectors()))
    n1.apply(*change())
    assert n1.held == []


def test_routes_that_are_not_advertised_any_more_are_no_loss_of_what_is_learned() -> None:
    n1 = BrakedNode("n1", *PLAIN)
    n1.sources = (Source(4, frozenset({R1, R2}), 4),)
    n1.apply(*filtered(importV4=[ACCEPTS], exportV4=[REJECTS]))
    assert n1.held == ["last-session"]


def test_password_is_as_before() -> None:
    """Removed it is held, changed it is followed: rows of the table that stand elsewhere, together."""
    wanted = {"secretKeyRef": {"name": "bgp", "key": "key"}}
    n1 = BrakedNode("n1", *cluster(to_reflectors(password=wanted), secret("bgp", {"key": "one"})))
    n1.apply(*cluster(to_reflectors(password=wanted), secret("bgp", {"key": "two"})))
    assert n1.held == []
    n1.apply(*cluster(to_reflectors(), secret("bgp", {"key": "two"})))
    assert n1.held == ["last-session"]


def limited(**annotations: str) -> list[Resource]:
    return cluster(annotated(to_reflectors(), **annotations))


@pytest.mark.parametrize(
    ("setting", "held"),
    [
        ("10", ["last-session"]),
        ("9 drop", ["last-session"]),
        ("10 warn", []),
        ("15 drop", []),
        ("20", []),
        ("off", []),
    ],
)
def test_maximum_of_prefixes_below_what_the_peers_have_is_held(setting: str, held: list[str]) -> None:
    n1 = BrakedNode("n1", *limited())
    before = n1.running
    n1.sources = (Source(4, frozenset({R1, R2}), 20),)
    n1.apply(*limited(maximum_prefixes=setting))
    assert n1.held == held
    n1.wait(2)
    assert n1.held == held
    if held:
        assert n1.running == before
        assert "maximum_prefixes none -> " in str(n1.changes[0].causes[0])


def test_maximum_of_prefixes_below_the_blocks_of_a_client_is_held_by_its_reflector() -> None:
    """Known without the live state, and so in a diff."""
    more = [block(name, f"10.244.{place + 100}.{net}/26") for place, name in enumerate(NAMES) for net in (0, 64, 128)]
    r1 = BrakedNode("r1", *limited(), *more)
    r1.apply(*limited(maximum_prefixes="3"), *more)
    assert r1.held[0] == "last-session"
