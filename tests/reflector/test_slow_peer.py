"""A peer that does not read: it is cut off from the log, costs no more than its missed prefixes, and is caught up.

The slow peer's socket is a Pipe that takes as many octets as it is sent to, the rest waits as after a short write.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shown import shown_peers
from speaker_makers import Router, a_client, a_plan, an_ebgp_peer, announce, withdraw

from reflector.commands import Turn
from reflector.engine import Engine
from reflector.peer import Peer
from reflector.plan import Match, NodePlan, Policy, PolicyRule, PrefixMatch, Verdict
from reflector.show.snapshot import counters_snapshot
from reflector.wire.message import HEADER_LENGTH, MessageType
from reflector.wire.nlri import unpack_nlri
from reflector.wire.update import BEGIN_OF_REFRESH, END_OF_REFRESH, end_of_rib

# Octets of memory: some fifteen changes of twenty prefixes.
BOUND = 20_000
NO_PODS = Policy("out", (PolicyRule(Verdict.REJECT, Match(prefix=PrefixMatch("10.1.0.0/16", 16, 32))),))
OPEN = Policy("out", ())
REFRESH_V4 = bytes((0, 1, 0, 1))


def the_plan(policy: Policy = OPEN) -> NodePlan:
    return a_plan(
        a_client("source", "10.0.0.1"),
        a_client("fast", "10.0.0.2", export_policies=("out",)),
        a_client("slow", "10.0.0.3", export_policies=("out",)),
        policies=(policy,),
    )


class SlowNetwork(Router):
    """A Router some of whose peers have a socket that is full. `room`: octets that it still takes."""

    def __init__(self, plan: NodePlan, lag_bound: int) -> None:
        super().__init__(plan)
        self.engine = Engine(plan, now=0.0, lag_bound=lag_bound)
        self.room: dict[str, int] = {}

    def deliver(self, turn: Turn) -> None:
        for peer in turn.ready:
            if peer.name not in self.room:
                self.write(peer, 1 << 40)
            elif not peer.outbox.is_within_message:
                self.write(peer, self.room[peer.name])

    def write(self, peer: Peer, room: int) -> None:
        """As the transport writes to a socket with so much room."""
        while (chunk := peer.outbox.take()) is not None:
            taken = chunk[:room]
            self.tables[peer.name].feed(bytes(taken))
            room -= len(taken)
            if len(taken) < len(chunk):
                peer.outbox.put_back(memoryview(chunk)[len(taken) :])
                break
        if peer.name in self.room:
            self.room[peer.name] = room

    def fill(self, name: str) -> None:
        """From now on the socket of this peer takes nothing."""
        self.room[name] = 0

    def read(self, name: str, octets: int) -> None:
        """The peer reads so much."""
        self.room[name] = octets
        self.write(self.engine.peers[name], octets)

    def drain(self, name: str) -> None:
        """The peer reads everything from now on."""
        self.room.pop(name, None)
        self.write(self.engine.peers[name], 1 << 40)
        self.tick()

    def tick(self) -> None:
        self.engine.tick(self.now)
        self.engine.trim_logs()
        self.turn()


def log_octets(router: Router) -> int:
    return counters_snapshot(router.engine, {}, 0.0).totals["log_octets"]


def log_memory(router: Router) -> int:
    return sum(group.log.memory_from(group.log.first) for group in router.engine.groups.values())


def slow_peers(router: Router) -> int:
    return counters_snapshot(router.engine, {}, 0.0).totals["slow_peers"]


def cut_offs(router: Router) -> dict[str, int]:
    return {peer.name: peer.cut_offs for peer in shown_peers(router.engine, {}, 0.0).peers}


def view_of(router: Router, name: str) -> dict[str, Any]:
    """What export says of the Loc-RIB for this peer."""
    peer, advertised = router.engine.peers[name], {}
    assert peer.group is not None
    for family in peer.group.view.key.families:
        rib, classes = router.engine.ribs[family], router.engine.policies.classes[family]
        for nlri in rib.table:
            path = rib.best(nlri)
            assert path is not None
            attributes = peer.group.view.decide(path, classes.classify(nlri)).attributes
            if attributes is not None:
                advertised[unpack_nlri(nlri, family)] = attributes
    return advertised


def prefixes(count: int, second: int = 1) -> list[str]:
    return [f"10.{second}.{number}.0/24" for number in range(count)]


def changes(router: SlowNetwork, count: int) -> None:
    """The source announces the same routes with ever new attributes, a tick after each."""
    for med in range(1, count + 1):
        router.receive("source", announce(*prefixes(20), med=med))
        router.tick()


@pytest.fixture
def router() -> SlowNetwork:
    """The slow peer knows a few routes of both families and then stops reading."""
    router = SlowNetwork(the_plan(), BOUND)
    for name in ("source", "fast", "slow"):
        router.up(name)
    router.receive("source", announce(*prefixes(20)), announce("fd00:1::/64", "fd00:2::/64"))
    router.tick()
    router.fill("slow")
    return router


def test_the_log_is_bounded_and_the_others_are_sent_everything(router: SlowNetwork) -> None:
    most = 0
    for med in range(1, 100):
        router.receive("source", announce(*prefixes(20), med=med))
        assert router.attributes("fast", "10.1.0.0/24").med == med
        router.tick()
        most = max(most, log_memory(router))
    assert BOUND / 2 < most <= BOUND
    assert log_memory(router) == log_octets(router) == 0
    assert router.engine.peers["slow"].outbox.octets < 200


def test_a_peer_is_cut_off_once_and_counted(router: SlowNetwork) -> None:
    assert slow_peers(router) == 0
    changes(router, 100)
    assert cut_offs(router) == {"source": 0, "fast": 0, "slow": 1}
    assert slow_peers(router) == 1
    router.drain("slow")
    assert cut_offs(router)["slow"] == 1
    assert slow_peers(router) == 0


def test_a_peer_that_lags_less_than_the_bound_follows_the_log(router: SlowNetwork) -> None:
    changes(router, 5)
    router.drain("slow")
    assert cut_offs(router)["slow"] == 0
    assert len(router.tables["slow"].updates) == len(router.tables["fast"].updates)


def test_the_missed_prefixes_are_kept_once_each(router: SlowNetwork) -> None:
    changes(router, 100)
    missed = router.engine.peers["slow"].outbox.missed
    assert missed is not None
    assert {family: len(keys) for family, keys in missed.prefixes.items()} == {4: 20}


def test_what_was_announced_changed_and_withdrawn_meanwhile_is_made_up_in_both_families(router: SlowNetwork) -> None:
    changes(router, 50)
    router.receive("source", withdraw("10.1.0.0/24", "10.1.1.0/24"), withdraw("fd00:1::/64"))
    router.receive("source", announce("10.9.0.0/16"), announce("fd00:3::/64"), announce("fd00:2::/64", med=9))
    router.receive("source", announce("10.8.0.0/16"))
    router.receive("source", withdraw("10.8.0.0/16"))
    assert router.tables["slow"].routes != router.tables["fast"].routes
    router.drain("slow")
    assert router.tables["slow"].routes == router.tables["fast"].routes == view_of(router, "slow")


def test_a_caught_up_peer_is_sent_the_newest_state_only_and_follows_again(router: SlowNetwork) -> None:
    changes(router, 50)
    before = len(router.tables["slow"].updates)
    router.drain("slow")
    assert len(router.tables["slow"].updates) == before + 2  # the one half sent, and the one that makes up
    router.receive("source", withdraw("10.1.0.0/24"))
    assert router.tables["slow"].updates[-1] == router.tables["fast"].updates[-1]
    assert router.tables["slow"].routes == router.tables["fast"].routes


def test_a_message_that_is_half_sent_is_finished_first(router: SlowNetwork) -> None:
    router.receive("source", announce("10.7.0.0/16"))
    router.read("slow", 7)
    changes(router, 50)
    assert router.engine.peers["slow"].outbox.is_within_message
    router.drain("slow")
    assert router.tables["slow"].routes == router.tables["fast"].routes


def test_nothing_is_made_up_before_the_socket_has_drained(router: SlowNetwork) -> None:
    changes(router, 50)
    router.read("slow", 3)
    router.tick()
    assert slow_peers(router) == 1
    router.read("slow", 1 << 20)
    router.tick()
    assert slow_peers(router) == 0


def test_a_short_write_in_the_middle_of_what_makes_up_loses_nothing(router: SlowNetwork) -> None:
    changes(router, 50)
    for _ in range(300):
        router.read("slow", 11)
        router.tick()
    router.receive("source", withdraw("10.1.3.0/24"))
    router.drain("slow")
    assert router.tables["slow"].routes == router.tables["fast"].routes


def test_a_peer_that_stops_again_is_cut_off_again(router: SlowNetwork) -> None:
    changes(router, 50)
    router.drain("slow")
    router.fill("slow")
    changes(router, 50)
    assert cut_offs(router)["slow"] == 2
    router.drain("slow")
    assert router.tables["slow"].routes == router.tables["fast"].routes


def test_a_policy_change_while_cut_off_is_made_up(router: SlowNetwork) -> None:
    changes(router, 50)
    router.apply(the_plan(NO_PODS))
    router.receive("source", announce("10.9.0.0/16"))
    router.drain("slow")
    assert router.advertised("slow") == {"10.9.0.0/16", "fd00:1::/64", "fd00:2::/64"}
    router.apply(the_plan())
    assert router.tables["slow"].routes == router.tables["fast"].routes == view_of(router, "slow")


def test_policy_changes_pile_up_no_messages_for_a_slow_peer(router: SlowNetwork) -> None:
    """Each of them moves the peer to another group and its log, so that the lag is among its own chunks."""
    for number in range(60):
        router.apply(the_plan(NO_PODS if number % 2 else OPEN))
        router.tick()
        assert router.engine.peers["slow"].outbox.octets <= BOUND + 200
    assert cut_offs(router)["slow"] == 1
    router.drain("slow")
    assert router.tables["slow"].routes == router.tables["fast"].routes == view_of(router, "slow")


@pytest.mark.parametrize("enhanced", [False, True], ids=["end-of-rib", "rfc7313"])
def test_refreshes_asked_for_while_cut_off_are_answered_once_with_marks(enhanced: bool) -> None:
    router = SlowNetwork(the_plan(), BOUND)
    router.up("source")
    router.up("slow", enhanced_refresh=enhanced)
    router.receive("source", announce(*prefixes(20)), announce("fd00:1::/64"), announce("10.6.0.0/16"))
    router.fill("slow")
    changes(router, 50)
    del router.tables["slow"].routes["10.6.0.0/16"]  # forgotten, not missed: this is why the peer asks
    for _ in range(10):
        router.receive("slow", REFRESH_V4, kind=MessageType.ROUTE_REFRESH)
    router.receive("source", withdraw("10.1.0.0/24"))
    ears = router.tables["slow"]
    ends = len(ears.ends)
    router.drain("slow")
    marks = [REFRESH_V4[:2] + bytes((subtype, 1)) for subtype in (BEGIN_OF_REFRESH, END_OF_REFRESH)]
    assert ears.refreshes == (marks if enhanced else [])
    assert ears.ends[ends:] == ([] if enhanced else [4])
    assert ears.routes == view_of(router, "slow")


def test_an_end_of_rib_that_was_not_sent_yet_follows_what_makes_up() -> None:
    router = SlowNetwork(the_plan(), BOUND)
    for name in ("source", "fast"):
        router.up(name)
    router.receive("source", announce(*prefixes(20)), announce("fd00:1::/64"))
    router.fill("slow")
    ears = router.up("slow")
    changes(router, 50)
    assert (slow_peers(router), router.advertised("slow"), ears.ends) == (1, set(), [])
    router.drain("slow")
    assert ears.routes == view_of(router, "slow")
    assert (ears.ends, ears.updates[-1]) == ([4, 6], end_of_rib(6)[HEADER_LENGTH:])


def test_keepalives_reach_a_peer_that_is_cut_off(router: SlowNetwork) -> None:
    changes(router, 50)
    router.now += 90.0
    for peer in router.engine.peers.values():
        peer.received_at = router.now
    router.tick()
    router.drain("slow")
    assert router.tables["slow"].keepalives == router.tables["fast"].keepalives > 0


def test_a_session_that_ends_while_cut_off_leaves_nothing_behind(router: SlowNetwork) -> None:
    changes(router, 50)
    router.down("slow")
    assert slow_peers(router) == 0
    router.room.clear()
    router.up("slow")
    router.tick()
    assert (slow_peers(router), cut_offs(router)["slow"]) == (0, 1)
    assert router.tables["slow"].routes == router.tables["fast"].routes


# ----------------------------------------------------------------------------------- any interleaving

SOURCES, LISTENERS = ("s1", "s2"), ("l1", "l2", "external")
POOL = ["10.1.0.0/24", "10.1.1.0/24", "10.2.0.0/24", "fd00:1::/64", "fd00:2::/64"]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("announce"), st.sampled_from(SOURCES), st.sampled_from(POOL), st.integers(0, 3)),
        st.tuples(st.just("withdraw"), st.sampled_from(SOURCES), st.sampled_from(POOL), st.none()),
        st.tuples(st.just("read"), st.sampled_from(LISTENERS), st.integers(0, 120), st.none()),
        st.tuples(st.just("tick"), st.none(), st.none(), st.none()),
        st.tuples(st.just("refresh"), st.sampled_from(LISTENERS), st.booleans(), st.none()),
        st.tuples(st.just("policy"), st.none(), st.booleans(), st.none()),
        st.tuples(st.just("bounce"), st.sampled_from(LISTENERS), st.none(), st.none()),
    ),
    max_size=60,
)


def a_network(policy: Policy = OPEN) -> NodePlan:
    return a_plan(
        a_client("s1", "10.0.0.1"),
        a_client("s2", "10.0.0.2"),
        a_client("l1", "10.0.0.3", export_policies=("out",)),
        a_client("l2", "10.0.0.4", export_policies=("out",)),
        an_ebgp_peer("external", "10.0.0.5", export_policies=("out",)),
        policies=(policy,),
    )


def carry_out(router: SlowNetwork, step: tuple[str, Any, Any, Any]) -> None:
    match step:
        case "announce", name, prefix, med:
            router.engine.receive(name, MessageType.UPDATE, announce(prefix, med=med), router.now)
            router.turn()
        case "withdraw", name, prefix, _:
            router.receive(name, withdraw(prefix))
        case "read", name, octets, _:
            router.read(name, octets)
        case "tick", *_:
            router.tick()
        case "refresh", name, second, _:
            body = bytes((0, 2 if second else 1, 0, 1))
            router.receive(name, body, kind=MessageType.ROUTE_REFRESH)
        case "policy", _, closed, _:
            router.apply(a_network(NO_PODS if closed else OPEN))
        case "bounce", name, _, _:
            router.down(name)
            router.up(name)


@settings(max_examples=150, deadline=None)
@given(STEPS, st.integers(0, 200))
def test_any_interleaving_with_a_tiny_bound_ends_with_the_view_of_the_loc_rib(steps: list[Any], bound: int) -> None:
    router = SlowNetwork(a_network(), bound)
    for name in (*SOURCES, *LISTENERS):
        router.up(name)
    for name in LISTENERS:
        router.fill(name)
    for step in steps:
        carry_out(router, step)
    for name in LISTENERS:
        router.drain(name)
    router.tick()
    assert slow_peers(router) == 0
    for name, table in router.tables.items():
        assert table.routes == view_of(router, name), name
        group = router.engine.peers[name].group
        assert group is not None
        assert sum(group.encoder.advertised.values()) == len(table.routes)


def test_the_interleavings_do_cut_peers_off() -> None:
    """The property above is about something: its bound is reached by what its steps say."""
    router = SlowNetwork(a_network(), 50)
    for name in (*SOURCES, *LISTENERS):
        router.up(name)
    router.fill("l1")
    for med in range(4):
        carry_out(router, ("announce", "s1", POOL[0], med))
    carry_out(router, ("tick", None, None, None))
    assert cut_offs(router)["l1"] == 1
