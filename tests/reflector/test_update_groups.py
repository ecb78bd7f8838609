"""Update groups: one encoding for all who are sent the same, whenever they came and however slowly they read."""

from __future__ import annotations

import pytest
from speaker_makers import Router, a_client, a_plan, a_session, an_ebgp_peer, announce, withdraw

from reflector.plan import Match, NextHopMode, Policy, PolicyRule, PrefixMatch, Verdict
from reflector.wire.message import MessageType

CLIENTS = tuple(a_client(f"c{number}", f"10.0.0.{number}") for number in range(1, 5))
NAMES = [client.name for client in CLIENTS]
PODS = Policy("pods", (PolicyRule(Verdict.ACCEPT, Match(prefix=PrefixMatch("10.1.0.0/16", 16, 32))),))


@pytest.fixture
def router() -> Router:
    router = Router(a_plan(*CLIENTS))
    for name in NAMES:
        router.up(name)
    return router


def prefixes(count: int, second: int = 1) -> list[str]:
    return [f"10.{second}.{number >> 2}.{(number & 3) * 64}/26" for number in range(count)]


def recount(router: Router) -> None:
    """The running counters equal what the tables say."""
    best: dict[str, int] = dict.fromkeys(router.engine.peers, 0)
    for family in (4, 6):
        for peer in router.selected(family).values():
            if peer:
                best[peer] += 1
    assert {name: peer.best for name, peer in router.engine.peers.items()} == best
    for name, table in router.tables.items():
        group = router.engine.peers[name].group
        assert group is not None
        assert sum(group.encoder.advertised.values()) == len(table.routes)


def test_members_are_sent_the_same_octets_encoded_once(router: Router) -> None:
    router.engine.receive("c1", MessageType.UPDATE, announce(*prefixes(20)), now=0.0)
    turn = router.engine.flush(0.0)
    assert [peer.name for peer in turn.ready] == NAMES
    chunks = {id(peer.outbox.take()) for peer in turn.ready}
    assert len(chunks) == 1


def test_one_turn_gathers_many_updates_into_few(router: Router) -> None:
    for number, prefix in enumerate(prefixes(40)):
        router.engine.receive("c1", MessageType.UPDATE, announce(prefix), now=float(number))
    router.turn()
    table = router.tables["c2"]
    assert len(table.updates) == 1 + 2  # and the two End-of-RIB markers of the start
    assert len(table.routes) == 40


def test_kinds_of_peers_make_groups() -> None:
    sessions = (
        a_client("c1", "10.0.0.1"),
        a_client("c2", "10.0.0.2"),
        a_session("n1", "10.0.0.3"),
        a_session("n2", "10.0.0.4", next_hop_mode=NextHopMode.SELF),
        an_ebgp_peer("e1", "10.0.0.5"),
        an_ebgp_peer("e2", "10.0.0.6"),
    )
    router = Router(a_plan(*sessions))
    for session in sessions:
        router.up(session.name)
    members = sorted([peer.name for peer in group.members] for group in router.engine.groups.values())
    assert members == [["c1", "c2"], ["e1"], ["e2"], ["n1"], ["n2"]]


@pytest.mark.parametrize(
    "negotiated",
    [
        {"max_length": 65535},
        {"four_octet_as": False},
        {"families": (4,)},
        {"add_path_send": frozenset((4,))},
        {"local_address": bytes((10, 0, 0, 101))},
    ],
    ids=lambda negotiated: next(iter(negotiated)),
)
def test_what_was_negotiated_divides_groups_and_the_tables_are_equal(router: Router, negotiated: dict) -> None:
    router.down("c4")
    router.up("c4", **negotiated)
    assert len(router.engine.groups) == 2
    router.receive("c1", announce(*prefixes(30)))
    assert router.tables["c4"].routes == router.tables["c3"].routes
    assert len(router.tables["c4"].routes) == 30


def test_a_late_joiner_ends_with_the_table_of_the_others(router: Router) -> None:
    router.down("c4")
    router.receive("c1", announce(*prefixes(30)))
    router.receive("c2", announce(*prefixes(10, second=2)), withdraw(*prefixes(3)))
    router.receive("c1", withdraw(*prefixes(5)))
    router.up("c4")
    assert router.tables["c4"].routes == router.tables["c3"].routes
    router.receive("c1", announce(*prefixes(7)), withdraw(*prefixes(2)))
    assert router.tables["c4"].routes == router.tables["c3"].routes
    recount(router)


def test_a_joiner_in_the_middle_of_a_turn_is_sent_what_the_turn_brought_once(router: Router) -> None:
    router.down("c4")
    router.engine.receive("c1", MessageType.UPDATE, announce(*prefixes(3)), now=0.0)
    router.up("c4")
    router.engine.receive("c1", MessageType.UPDATE, withdraw(*prefixes(1)), now=0.0)
    router.turn()
    assert router.advertised("c4") == router.advertised("c3") == set(prefixes(3)) - set(prefixes(1))
    recount(router)


def test_joiners_of_an_unchanged_table_share_one_snapshot(router: Router) -> None:
    router.down("c3")
    router.down("c4")
    router.receive("c1", announce(*prefixes(30)))
    first, second = router.up("c3"), router.up("c4")
    assert first.octets == second.octets
    group = router.engine.peers["c3"].group
    assert group is not None
    assert group._packed is not None


def test_a_slow_reader_is_sent_everything_in_order_and_the_log_keeps_it(router: Router) -> None:
    engine = router.engine
    slow = engine.peers["c4"]
    for number in range(1, 30):
        engine.receive("c1", MessageType.UPDATE, announce(*prefixes(3), med=number), now=0.0)
        turn = engine.flush(0.0)
        turn.ready.remove(slow)
        router.deliver(turn)
        engine.trim_logs()
    assert slow.outbox.octets > 29 * 50
    assert slow.group is not None
    assert slow.group.log.octets == slow.outbox.octets
    meds = []
    while (chunk := slow.outbox.take()) is not None:
        router.tables["c4"].feed(bytes(chunk[:7]))
        if len(chunk) > 7:
            slow.outbox.put_back(memoryview(chunk)[7:])
        meds.append(router.tables["c4"].routes.get("10.1.0.0/26"))
    assert [each.med for each in dict.fromkeys(meds) if each] == list(range(1, 30))
    engine.trim_logs()
    assert slow.group.log.octets == 0


def test_the_last_member_takes_the_group_along_and_the_first_brings_it_back(router: Router) -> None:
    router.receive("c1", announce(*prefixes(3)))
    for name in NAMES[1:]:
        router.down(name)
    router.down("c1")
    assert router.engine.groups == {}
    router.up("c1")
    router.up("c2")
    router.receive("c1", announce(*prefixes(2)))
    assert router.advertised("c2") == set(prefixes(2))
    recount(router)


def test_a_flapping_peer_leaves_nothing_behind_in_paths() -> None:
    router = Router(a_plan(CLIENTS[0], an_ebgp_peer("e", "10.0.0.9")))
    router.up("c1")
    router.receive("c1", announce(*prefixes(3)))
    for _ in range(10):
        router.up("e")
        router.down("e")
    ((path,),) = {tuple(router.engine.ribs[4].candidates(nlri)) for nlri in router.engine.ribs[4].table}
    assert len(path.exports) == 2  # the view of clients and that of the external peer


def test_counters_equal_a_recount(router: Router) -> None:
    steps = [
        ("c1", announce(*prefixes(30))),
        ("c2", announce(*prefixes(20), local_pref=200)),
        ("c3", announce(*prefixes(25), local_pref=150)),
        ("c1", announce("fd00:1::/64", "fd00:2::/64")),
        ("c2", withdraw(*prefixes(10))),
        ("c1", withdraw(*prefixes(15))),
        ("c3", announce(*prefixes(25), local_pref=50)),
    ]
    for name, body in steps:
        router.receive(name, body)
        recount(router)
    router.down("c2")
    recount(router)
    router.up("c2")
    recount(router)


def test_a_policy_that_divides_prefixes_is_asked_of_each_class() -> None:
    policed = a_client("c2", "10.0.0.2", export_policies=("pods",), export_default=Verdict.REJECT)
    router = Router(a_plan(CLIENTS[0], policed, policies=(PODS,)))
    router.up("c1")
    router.up("c2")
    router.receive("c1", announce("10.1.0.0/26", "10.2.0.0/26", "10.1.4.0/26"))
    assert router.advertised("c2") == {"10.1.0.0/26", "10.1.4.0/26"}
    assert router.advertised("c1") == {"10.1.0.0/26", "10.2.0.0/26", "10.1.4.0/26"}
    router.receive("c1", withdraw("10.1.0.0/26", "10.2.0.0/26"))
    assert router.advertised("c2") == {"10.1.4.0/26"}
    recount(router)


def test_what_a_group_is_not_sent_makes_no_one_ready() -> None:
    policed = a_session("n", "10.0.0.2", export_policies=("pods",), export_default=Verdict.REJECT)
    router = Router(a_plan(CLIENTS[0], policed, policies=(PODS,)))
    router.up("c1")
    router.up("n")
    turn = router.receive("c1", announce("10.2.0.0/26"))
    assert [peer.name for peer in turn.ready] == ["c1"]
