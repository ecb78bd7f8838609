"""The journal: whatever happens to an engine, replaying what was written down leads to the same routes and octets."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from speaker_makers import Router, a_client, a_plan, a_restart, a_session, an_ebgp_peer, an_origination, announce
from speaker_network import Network
from test_convergence import histories, live_through, restart_histories, restart_through
from test_routing_table import a_route, a_table, put, remove, via

from reflector.addresses import pack_address
from reflector.drain import DrainState, Stage
from reflector.engine import Engine
from reflector.events import Events, Started
from reflector.journal.checkpoint import checkpoint
from reflector.journal.journal_format import HEADER, JournalError, event_frame, read_journal, without_passwords
from reflector.journal.recorder import Recorder
from reflector.journal.replay import replay, until
from reflector.kernel.routing_table import RoutingTable
from reflector.plan import MaximumPrefixes, NodePlan, Origination, Password, Verdict
from reflector.wire.message import MessageType, NotificationError
from reflector.wire.nlri import pack_nlri

POD = "10.1.0.0/26"


class Kept:
    """A sink that keeps everything, and what was committed of it."""

    def __init__(self) -> None:
        self.octets = bytearray(HEADER)
        self.committed = b""

    def write(self, data: bytes) -> None:
        self.octets += data

    def commit(self) -> None:
        self.committed = bytes(self.octets)


class RecordedRouter(Router):
    """A router whose engine is recorded from its start."""

    def __init__(self, plan: NodePlan) -> None:
        super().__init__(plan)
        self.journal = Kept()
        self.journal.write(event_frame(Started(without_passwords(plan), 0.0)))
        self.recorded = self.engine
        self.engine = Recording(self.engine, Recorder(self.engine, self.journal))  # type: ignore[assignment]


class Recording:
    """An engine to read from, whose events go through a recorder."""

    def __init__(self, engine: Engine, events: Events) -> None:
        self._engine, self._events = engine, events

    def __getattr__(self, name: str) -> Any:
        return getattr(self._events if hasattr(Recorder, name) else self._engine, name)


def routes(engine: Engine) -> dict[str, Any]:
    """Loc-RIB and Adj-RIB-Ins, by value."""
    found: dict[str, Any] = {}
    for family, rib in engine.ribs.items():
        found[f"Loc-RIB {family}"] = {
            nlri: (path.sender.name if path.sender else "", path.source, path.attributes, path.rule)
            for nlri in rib.prefixes()
            if (path := rib.best(nlri)) is not None
        }
        for peer in engine.peers.values():
            rib_in = peer.adj_rib_in.get(family)
            if rib_in is not None and rib_in.routes:
                table = {key: (path.received, path.attributes, path.verdict) for key, path in rib_in.routes.items()}
                found[f"{peer.name} {family}"] = (table, frozenset(rib_in.stale))
    return found


def replayed(journal: Kept) -> tuple[Engine, dict[str, bytes]]:
    """The engine after a replay, and what each peer was sent."""
    advertised: defaultdict[str, bytes] = defaultdict(bytes)

    def deliver(peer: str, octets: bytes) -> None:
        advertised[peer] += octets

    return replay(read_journal([bytes(journal.octets)]), deliver), advertised


# ------------------------------------------------------------------------------- any history


class RecordedNetwork(Network):
    """Every router's engine is recorded from its start; so is what it hands over to its peers."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.journals = {name: Kept() for name in self.engines}
        self.sent: defaultdict[tuple[str, str], bytes] = defaultdict(bytes)
        self.recorded = dict(self.engines)
        for name, engine in self.recorded.items():
            self.journals[name].write(event_frame(Started(engine.plan, 0.0)))
            self.engines[name] = Recording(engine, Recorder(engine, self.journals[name]))  # type: ignore[assignment]

    def send(self, direction: tuple[str, str], octets: bytes) -> None:
        self.sent[direction] += octets
        super().send(direction, octets)

    def assert_replayed(self) -> None:
        for name, engine in self.recorded.items():
            again, advertised = replayed(self.journals[name])
            assert routes(again) == routes(engine)
            advertised = {peer: octets for peer, octets in advertised.items() if octets}
            assert advertised == {peer: sent for (me, peer), sent in self.sent.items() if me == name and sent}


class ObservedNetwork(Network):
    """Now and then, when a router's turn is over, a checkpoint of it is replayed."""

    def turn(self, name: str) -> None:
        super().turn(name)
        if self.random.random() < 0.1:
            assert_a_checkpoint_leads_here(self.engines[name], self.now)


def assert_a_checkpoint_leads_here(engine: Engine, now: float) -> None:
    journal = Kept()
    for event in checkpoint(engine, now, 0.0):
        journal.write(event_frame(event))
    again, _ = replayed(journal)
    assert routes(again) == routes(engine)
    assert stale_times(again) == stale_times(engine)


def stale_times(engine: Engine) -> dict[str, Any]:
    return {
        f"{peer.name} {family}": (rib.stale_until, rib.long_lived_until, rib.is_long_lived)
        for peer in engine.peers.values()
        for family, rib in peer.adj_rib_in.items()
        if rib.stale
    }


@settings(max_examples=80, deadline=None)
@given(histories(), st.integers(0, 2**32))
def test_any_history_replayed_gives_the_same_tables_and_octets(given_history: tuple, seed: int) -> None:
    live_through(*given_history, seed, RecordedNetwork).assert_replayed()


@pytest.mark.slow
@settings(max_examples=80, deadline=None)
@given(restart_histories(), st.integers(0, 2**32))
def test_any_restarts_replayed_give_the_same_tables_and_octets(given_history: tuple, seed: int) -> None:
    """RFC 4724, RFC 8538, RFC 9494: time is among the events."""
    restart_through(*given_history, seed, RecordedNetwork).assert_replayed()


@settings(max_examples=80, deadline=None)
@given(histories(), st.integers(0, 2**32))
def test_a_journal_that_begins_in_the_middle_gives_the_same_tables(given_history: tuple, seed: int) -> None:
    """Whatever has happened before: a checkpoint leads there."""
    live_through(*given_history, seed, ObservedNetwork)


@pytest.mark.slow
@settings(max_examples=80, deadline=None)
@given(restart_histories(), st.integers(0, 2**32))
def test_a_journal_that_begins_among_stale_routes_gives_the_same_tables_and_timers(
    given_history: tuple, seed: int
) -> None:
    restart_through(*given_history, seed, ObservedNetwork)


# ------------------------------------------------------------------------------ named histories


@pytest.fixture
def router() -> RecordedRouter:
    return RecordedRouter(a_plan(a_client("a", "10.0.0.1"), an_ebgp_peer("x", "10.0.0.2")))


def test_every_kind_of_event_is_replayed(router: RecordedRouter) -> None:
    router.up("a")
    router.up("x", families=(4,), four_octet_as=False)
    router.receive("a", announce(POD, "10.2.0.0/26"), announce("fd00:1::/64"))
    router.engine.originate("services", (an_origination("10.96.0.0/12"),))
    router.apply(
        a_plan(a_client("a", "10.0.0.1", peer_node="a"), an_ebgp_peer("x", "10.0.0.2"), a_session("new", "10.0.0.3"))
    )
    router.wait(100)
    router.engine.drain(Stage.MARKED, "why", router.now)
    router.engine.reject("x", NotificationError(3, 1, "nonsense", b"\1\2"))
    router.turn()
    router.down("a", is_lost=True)
    gone, pools = frozenset({pack_address("fd00::1")}), ((6, pack_nlri("fd00:1::/48")),)
    assert router.engine.withdraw_retained(gone, pools) == 1
    router.turn()
    again, _ = replayed(router.journal)
    assert routes(again) == routes(router.recorded)
    assert len(again.peers["a"].adj_rib_in[6].routes) == 0
    assert again.drain_state == DrainState(Stage.MARKED, 100.0, "why")
    assert replay(checkpoint(router.recorded, 200.0, 0.0)).drain_state == again.drain_state
    assert (again.peers["x"].last_error, again.peers["a"].is_stale) == ("nonsense", True)
    assert "10.96.0.0/12" in str(again.originations.sets["services"])


def test_what_a_peer_was_sent_is_sent_again_to_the_octet(router: RecordedRouter) -> None:
    table = router.up("x")
    router.up("a")
    router.receive("a", announce(POD, med=7), announce("fd00:1::/64"))
    router.receive("x", b"\0\1\0\1", kind=MessageType.ROUTE_REFRESH)
    router.wait(100)
    assert replayed(router.journal)[1]["x"] == bytes(table.octets)


def test_another_process_sends_the_same_octets(router: RecordedRouter, tmp_path: Path) -> None:
    """Octets hash differently in every process; no order may hang on that."""
    prefixes = [f"10.{number}.0.0/16" for number in range(40)]
    router.up("x")
    router.up("a", graceful_restart=a_restart(is_restarting=False))
    router.engine.originate("services", tuple(an_origination(prefix) for prefix in prefixes))
    router.turn()
    router.receive("a", announce(*(f"10.{number}.1.0/24" for number in range(40))))
    router.down("a", is_lost=True)
    nothing = an_ebgp_peer("x", "10.0.0.2", export_default=Verdict.REJECT)
    router.apply(a_plan(a_client("a", "10.0.0.1"), nothing))
    router.apply(a_plan(a_client("a", "10.0.0.1"), an_ebgp_peer("x", "10.0.0.2")))
    router.wait(200)
    journal = tmp_path / "journal"
    journal.write_bytes(router.journal.octets)
    sent = {octets_of_a_replay(journal, seed) for seed in ("1", "2", "3")}
    assert sent == {replayed(router.journal)[1]["x"].hex()}


def octets_of_a_replay(journal: Path, hash_seed: str) -> str:
    program = (
        "import sys; from reflector.journal.journal_format import read_journal\n"
        "from reflector.journal.replay import replay; octets_sent = b''\n"
        "def deliver(peer, octets): global octets_sent; octets_sent += octets if peer == 'x' else b''\n"
        "replay(read_journal([open(sys.argv[1], 'rb').read()]), deliver); print(octets_sent.hex())"
    )
    command = (sys.executable, "-c", program, str(journal))
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()


def test_a_stale_route_is_stale_again_after_a_checkpoint(router: RecordedRouter) -> None:
    """RFC 4724 4.2, of a peer that is away and of one that is back and has sent half of its routes again."""
    router.up("a", graceful_restart=a_restart(is_restarting=False))
    router.receive("a", announce(POD, "10.2.0.0/26"))
    router.down("a", is_lost=True)
    assert routes(replay(checkpoint(router.recorded, 1.0, 0.0))) == routes(router.recorded)
    router.up("a", graceful_restart=a_restart())
    router.receive("a", announce(POD))
    again = replay(checkpoint(router.recorded, 1.0, 0.0))
    assert routes(again) == routes(router.recorded)
    assert (again.peers["a"].adj_rib_in[4].stale_until, again.peers["a"].received_at) == (300.0, 0.0)


def test_a_refresh_that_is_under_way_goes_on_after_a_checkpoint(router: RecordedRouter) -> None:
    """RFC 7313 4: what has not come again by its end is withdrawn."""
    router.up("a", route_refresh=True, enhanced_refresh=True)
    router.receive("a", announce(POD, "10.2.0.0/26"))
    router.receive("a", b"\0\1\1\1", kind=MessageType.ROUTE_REFRESH)
    router.receive("a", announce(POD))
    again = replay(checkpoint(router.recorded, 1.0, 0.0))
    assert routes(again) == routes(router.recorded)
    for engine in (again, router.recorded):
        engine.receive("a", MessageType.ROUTE_REFRESH, b"\0\1\2\1", 2.0)
        engine.flush(2.0)
        assert len(engine.ribs[4].table) == 1


def test_a_limit_that_was_lowered_costs_nothing_in_a_checkpoint() -> None:
    """SessionPlan.maximum_prefixes counts from the next route on."""
    limited = a_client("a", "10.0.0.1", maximum_prefixes=MaximumPrefixes(2))
    router = RecordedRouter(a_plan(a_client("a", "10.0.0.1")))
    router.up("a")
    router.receive("a", announce(POD, "10.2.0.0/26", "10.3.0.0/26"))
    router.apply(a_plan(limited))
    again = replay(checkpoint(router.recorded, 1.0, 0.0))
    assert routes(again) == routes(router.recorded)
    assert again.plan == router.recorded.plan


def test_only_the_first_seconds_are_replayed_when_asked_for(router: RecordedRouter) -> None:
    router.up("a")
    router.receive("a", announce(POD))
    router.wait(60)
    router.receive("a", announce("10.2.0.0/26"))
    events = list(read_journal([bytes(router.journal.octets)]))
    assert len(replay(until(events, 59)).ribs[4].table) == 1
    assert len(replay(until(events, 60)).ribs[4].table) == 2


# ------------------------------------------------------------------------------------ the kernel


def hear_of_kernel(router: RecordedRouter, table: RoutingTable | None) -> None:
    router.engine.kernel_changed(table)
    router.turn()


def test_what_the_kernel_answered_is_answered_again(router: RecordedRouter) -> None:
    """RFC 4271 9.1.2.1: a route whose next hop leads nowhere is no candidate, and the cost decides among others."""
    table = a_table()
    put(table, a_route("10.0.0.0/24", via("10.9.9.9", metric=7)))
    hear_of_kernel(router, table)
    router.up("a")
    router.receive("a", announce(POD), announce("10.2.0.0/26", next_hop="192.0.2.1"))
    assert routes(replayed(router.journal)[0]) == routes(router.recorded)
    put(table, a_route("192.0.2.0/24", via("10.9.9.9")))
    remove(table, a_route("10.0.0.0/24", via("10.9.9.9", metric=7)))
    hear_of_kernel(router, table)
    again, advertised = replayed(router.journal)
    assert routes(again) == routes(router.recorded)
    assert set(router.selected()) == {"10.2.0.0/26"}
    assert advertised["a"] == bytes(router.tables["a"].octets)


def test_where_nothing_is_known_of_the_kernel_everything_resolves(router: RecordedRouter) -> None:
    hear_of_kernel(router, a_table())
    router.up("a")
    router.receive("a", announce(POD))
    assert router.selected() == {}
    hear_of_kernel(router, None)
    assert routes(replayed(router.journal)[0]) == routes(router.recorded)
    assert set(router.selected()) == {POD}


KERNEL_EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("hear"), st.integers(1, 4), st.integers(1, 3)),
        st.tuples(st.sampled_from(("put", "remove")), st.integers(1, 4), st.integers(0, 3)),
        st.tuples(st.sampled_from(("advertised", "dumped", "lost", "turn")), st.just(0), st.just(0)),
    ),
    max_size=30,
)


@settings(max_examples=100, deadline=None)
@given(KERNEL_EVENTS)
def test_any_history_of_the_kernel_is_replayed(events: list[tuple[str, int, int]]) -> None:
    """Next hops come and go at any moment, also while the engine has yet to be given the kernel's changes."""
    router = RecordedRouter(a_plan(a_client("a", "10.0.0.1"), a_client("b", "10.0.0.2")))
    router.up("a")
    router.up("b")
    table = a_table()
    for what, number, other in events:
        hop = f"192.0.{number}.1"
        if what == "hear":
            router.engine.receive(
                "ab"[number % 2], MessageType.UPDATE, announce(f"10.{other}.0.0/16", next_hop=hop), 0.0
            )
        elif what in ("put", "remove"):
            route = a_route(f"192.0.{number}.0/24", via("10.9.9.9", metric=other))
            (put if what == "put" else remove)(table, route)
        elif what == "dumped":
            table = a_table()
        elif what == "turn":
            router.turn()
        if what in ("advertised", "dumped", "lost"):
            router.engine.kernel_changed(None if what == "lost" else table)
    router.turn()
    again, advertised = replayed(router.journal)
    assert routes(again) == routes(router.recorded)
    assert {name: advertised[name] for name in ("a", "b")} == {
        name: bytes(t.octets) for name, t in router.tables.items()
    }


# ------------------------------------------------------------------------------------ the format


def test_no_password_enters_the_journal() -> None:
    secret = a_client("a", "10.0.0.1", password=Password("do-not-tell"))
    router = RecordedRouter(a_plan(secret))
    router.apply(a_plan(secret, a_client("b", "10.0.0.2", password=Password("do-not-tell"))))
    for event in checkpoint(router.recorded, 0.0, 0.0):
        router.journal.write(event_frame(event))
    assert b"do-not-tell" not in router.journal.octets


def test_a_turn_is_committed_before_it_is_flushed(router: RecordedRouter) -> None:
    """So that what led to a crash of the flush can be replayed."""
    router.up("a")
    router.engine.receive("a", MessageType.UPDATE, announce(POD), 1.0)
    router.recorded.flush = broken  # type: ignore[method-assign]
    with pytest.raises(ZeroDivisionError):
        router.engine.flush(1.0)
    assert len(replay(read_journal([router.journal.committed])).ribs[4].table) == 1


def broken(now: float) -> None:
    raise ZeroDivisionError


def test_originations_that_are_refused_are_no_event(router: RecordedRouter) -> None:
    before = bytes(router.journal.octets)
    with pytest.raises(ValueError, match="has host bits set"):
        router.engine.originate("services", (Origination("10.0.0.1/8", "service"),))  # type: ignore[arg-type]
    assert router.journal.octets == before


@pytest.mark.parametrize("size", [1, 7, 100, 100_000])
def test_a_journal_is_read_in_pieces_of_any_size(router: RecordedRouter, size: int) -> None:
    router.up("a")
    router.receive("a", announce(POD))
    data = bytes(router.journal.octets)
    assert list(read_journal(pieces(data, size))) == list(read_journal([data]))


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def test_an_event_that_a_crash_cut_off_is_left_out(router: RecordedRouter) -> None:
    router.up("a")
    whole = bytes(router.journal.octets)
    events = list(read_journal([whole]))
    assert list(read_journal([whole[:-3]])) == events[:-1]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "this is not a journal"),
        (b"\x7fELF and so on, for more than the length of a header", "this is not a journal"),
        (b"bgpctl journal 99\n", "a journal of version 99; this is version 2"),
        (HEADER + b"\1\0\0\0\2hi", "the journal is damaged"),
        (HEADER + b"\1\xff\xff\xff\xff", "the journal is damaged"),
        (HEADER, "does not begin with the start of an engine"),
    ],
)
def test_what_cannot_be_replayed_is_said(data: bytes, reason: str) -> None:
    with pytest.raises(JournalError, match=reason):
        replay(read_journal([data]))


def test_a_negotiation_that_says_less_than_today_can_be_read(router: RecordedRouter) -> None:
    """Fields that are added at the end of a value get their defaults: no new version is needed for them."""
    router.up("a")
    (up,) = [event for event in read_journal([bytes(router.journal.octets)]) if type(event).__name__ == "SessionUp"]
    assert up.negotiated == router.recorded.peers["a"].negotiated
    tag, name, negotiated, now = msgspec.msgpack.decode(msgspec.msgpack.encode(up))
    short = msgspec.msgpack.encode([tag, name, negotiated[:5], now])
    assert msgspec.msgpack.decode(short, type=type(up)).negotiated.hold_time == 240
