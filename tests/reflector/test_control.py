"""The control socket: what is answered in which order, what happens to who does not read, and that no turn is long."""

from __future__ import annotations

import gc
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from control_world import Client, ControlWorld
from speaker_makers import a_client, a_negotiation, a_plan, an_origination, announce, withdraw

from reflector.control import connection as control
from reflector.drain import Stage
from reflector.messages import (
    PROTOCOL_VERSION,
    Applied,
    Apply,
    Counters,
    Drain,
    Draining,
    DrainStatus,
    Explain,
    Explanation,
    JournalStatus,
    LocRibUpdate,
    Originate,
    Originated,
    Peers,
    Refused,
    Reply,
    Routes,
    ShowAgent,
    ShowCounters,
    ShowJournal,
    ShowPeers,
    ShowRoutes,
    StartJournal,
    StopJournal,
    Subscribe,
    Subscribed,
    Table,
    frame,
)
from reflector.wire.message import MessageType
from reflector.wire.nlri import unpack_nlri

POD = "10.1.0.0/26"
A, B = a_client("a", "10.0.0.1"), a_client("b", "10.0.0.2")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[ControlWorld]:
    """A reflector whose two clients are up and have sent all; a has sent one route."""
    with ControlWorld(a_plan(A, B), tmp_path) as world:
        for name in ("a", "b"):
            world.up(name)
            world.receive(name, *ends())
        world.receive("a", announce(POD))
        yield world


def ends() -> tuple[bytes, bytes]:
    """The End-of-RIB markers of both families."""
    return b"\0\0\0\0", bytes.fromhex("0000 0006 80 0f 03 0002 01")


# --------------------------------------------------------------------------------------- questions


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        (Apply(a_plan(A)), Applied),
        (Originate("services", (an_origination("10.96.0.0/16"),)), Originated),
        (Drain(Stage.MARKED), Draining),
        (ShowPeers(), Peers),
        (ShowRoutes(), Routes),
        (Explain(POD), Explanation),
        (ShowCounters(), Counters),
        (ShowJournal(), JournalStatus),
        (StartJournal(), JournalStatus),
        (StopJournal(), JournalStatus),
        (Subscribe(), Subscribed),
        (ShowAgent(), Refused),
        (Explain("nowhere"), Refused),
        (ShowRoutes(limit=0), Refused),
        (ShowRoutes(table=Table.RECEIVED, peer="nobody"), Refused),
        (Originate("services", (an_origination("10.96.0.1/16"),)), Refused),
    ],
)
def test_every_question_has_its_answer(world: ControlWorld, question, answer: type) -> None:
    assert type(world.client().ask(question)) is answer


def test_questions_sent_at_once_are_answered_in_order(world: ControlWorld) -> None:
    client = world.client()
    client.send(ShowPeers(), ShowRoutes(), ShowPeers(), ShowCounters(decision=True))
    kinds = client.wait_for(lambda replies: [type(each) for each in replies] if len(replies) == 4 else None)
    assert kinds == [Peers, Routes, Peers, Counters]


def test_a_set_of_originations_outlives_its_connection_and_another_plan(world: ControlWorld) -> None:
    client = world.client()
    assert client.ask(Originate("services", (an_origination("10.96.0.0/16"),))) == Originated(1)
    client.close()
    world.turn()
    assert "10.96.0.0/16" in world.advertised("b")
    assert world.client().ask(Apply(a_plan(A, B))) == Applied()
    assert "10.96.0.0/16" in world.advertised("b")
    assert world.client().ask(Originate("services", ())) == Originated(0)
    assert "10.96.0.0/16" not in world.advertised("b")


def test_a_drained_node_says_so_and_its_peers_are_sent(world: ControlWorld) -> None:
    """RFC 8326 4.2: GRACEFUL_SHUTDOWN, with LOCAL_PREF 0 inside the AS, where the traffic comes here."""
    client = world.client()
    client.ask(Originate("services", (an_origination("10.96.0.0/16"),)))
    assert client.ask(Drain(Stage.MARKED, "upgrade")) == Draining(Stage.MARKED)
    world.now = 5.0
    peers = client.ask(ShowPeers())
    assert isinstance(peers, Peers)
    assert (peers.drain, world.attributes("b", "10.96.0.0/16").local_pref) == (
        DrainStatus(Stage.MARKED, 5.0, "upgrade"),
        0,
    )
    assert client.ask(Drain(Stage.IN_USE)) == Draining(Stage.IN_USE)
    peers = client.ask(ShowPeers())
    assert isinstance(peers, Peers)
    assert peers.drain is None
    assert world.attributes("b", "10.96.0.0/16").local_pref != 0


# ------------------------------------------------------------------------------- who may ask, and how


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (
            frame(ShowPeers(), PROTOCOL_VERSION + 1),
            f"this is version {PROTOCOL_VERSION} of the protocol and that is version {PROTOCOL_VERSION + 1}",
        ),
        (
            struct.pack("!I", 9) + b"\x81\xa4typeX",
            f"this is version {PROTOCOL_VERSION} of the protocol and that is version 0",
        ),
        (struct.pack("!BI", PROTOCOL_VERSION, 2) + b"hi", "not a request of this version"),
        (struct.pack("!BI", PROTOCOL_VERSION, 2**31), "exceeds the limit"),
    ],
    ids=["a newer version", "no version", "no message", "too long"],
)
def test_what_is_not_of_this_version_is_refused_and_the_connection_closed(
    world: ControlWorld, octets: bytes, reason: str
) -> None:
    client = world.client()
    client.socket.sendall(octets)
    refused = client.wait_for(lambda replies: replies[0] if replies else None)
    assert isinstance(refused, Refused)
    assert reason in refused.reason
    client.wait_for(lambda _: client.is_closed or None)


def test_what_was_asked_before_a_broken_frame_is_answered(world: ControlWorld) -> None:
    client = world.client()
    client.socket.sendall(frame(ShowPeers()) + b"\xff")
    kinds = client.wait_for(lambda replies: [type(each) for each in replies] if client.is_closed else None)
    assert kinds == [Peers, Refused]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to be somebody else")
def test_another_user_is_not_let_in_even_where_the_mode_would_let_them(world: ControlWorld) -> None:
    """SO_PEERCRED, unix(7)."""
    world.path.chmod(0o666)
    world.path.parent.chmod(0o755)
    child = os.fork()
    if child == 0:
        _ask_as_nobody(world.path)
    while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0):
        world.turn()
    assert (ended[1], world.server.refused_clients) == (0, 1)


def _ask_as_nobody(path: Path) -> NoReturn:
    """In a child: its exit status is 0 if it is turned away without a word. The directories above are root's alone."""
    status = 1
    try:
        os.chdir(path.parent)
        os.setuid(65534)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(10)
            client.connect(path.name)
            client.sendall(frame(ShowPeers()))
            status = len(client.recv(1))
    except (ConnectionResetError, BrokenPipeError):
        status = 0
    finally:
        os._exit(status)


# --------------------------------------------------------------------------------------- the stream


class Follower:
    """A subscriber's table, and where it could go on."""

    def __init__(self) -> None:
        self.routes: set[str] = set()
        self.epoch, self.sequence, self.in_sync, self.resumed = "", 0, False, False
        self.sequences: list[int] = []

    def take(self, replies: list[Reply]) -> None:
        for reply in replies:
            if isinstance(reply, Subscribed):
                self.epoch, self.resumed = reply.epoch, reply.resumed
                if not reply.resumed:
                    self.routes.clear()
            elif isinstance(reply, LocRibUpdate):
                self.sequence, self.in_sync = reply.sequence, reply.in_sync
                self.sequences.append(reply.sequence)
                for group in reply.routes:
                    self.routes |= {unpack_nlri(nlri, group.family) for nlri in group.nlri}
                self.routes -= {unpack_nlri(nlri, 4) for nlri in reply.withdrawn_v4}
                self.routes -= {unpack_nlri(nlri, 6) for nlri in reply.withdrawn_v6}

    def subscribe(self, client: Client) -> None:
        client.send(Subscribe(self.epoch, self.sequence))
        self.resumed = self.in_sync = False
        self.read_until(client, lambda: self.in_sync or self.resumed)

    def read_until(self, client: Client, is_so) -> None:
        def look(replies: list[Reply]) -> bool | None:
            self.take(replies)
            replies.clear()
            return True if is_so() else None

        client.wait_for(look)


def test_a_subscriber_hears_the_table_and_then_every_change(world: ControlWorld) -> None:
    client, follower = world.client(), Follower()
    follower.subscribe(client)
    assert follower.routes == {POD}
    world.receive("b", announce("10.2.0.0/26"))
    world.receive("a", withdraw(POD))
    follower.take(client.read_whatever_is_there())
    assert (follower.routes, follower.sequences) == ({"10.2.0.0/26"}, [0, 1, 2])


def test_who_comes_back_is_sent_only_what_it_missed(world: ControlWorld) -> None:
    client, follower = world.client(), Follower()
    follower.subscribe(client)
    client.close()
    world.receive("b", announce("10.2.0.0/26"))
    world.receive("a", withdraw(POD))
    again = world.client()
    follower.subscribe(again)
    assert follower.resumed
    follower.read_until(again, lambda: follower.sequence == 2)
    assert (follower.routes, follower.sequences) == ({"10.2.0.0/26"}, [0, 1, 2])
    world.receive("b", withdraw("10.2.0.0/26"))
    follower.take(again.read_whatever_is_there())
    assert (follower.routes, follower.in_sync) == (set(), True)


def test_who_missed_nothing_is_resumed_as_well(world: ControlWorld) -> None:
    client, follower = world.client(), Follower()
    follower.subscribe(client)
    client.close()
    follower.subscribe(world.client())
    assert (follower.resumed, follower.routes) == (True, {POD})


def test_who_was_away_for_too_much_is_sent_everything(world: ControlWorld) -> None:
    """The history is bounded in octets; 4096 of them in this world."""
    client, follower = world.client(), Follower()
    follower.subscribe(client)
    client.close()
    for number in range(100):
        world.receive("b", announce(f"10.2.{number}.0/24", med=number))
    follower.subscribe(world.client())
    assert (follower.resumed, len(follower.routes)) == (False, 101)


def test_a_sequence_of_another_life_is_not_taken_for_one_of_this(world: ControlWorld, tmp_path: Path) -> None:
    client, follower = world.client(), Follower()
    follower.subscribe(client)
    (tmp_path / "next").mkdir()
    with ControlWorld(a_plan(A), tmp_path / "next", epoch="second") as restarted:
        restarted.up("a")
        restarted.receive("a", announce("10.7.0.0/26"), *ends())
        follower.subscribe(restarted.client())
    assert (follower.resumed, follower.routes) == (False, {"10.7.0.0/26"})


@pytest.mark.parametrize(("epoch", "after"), [("first", 99), ("first", -1), ("", 0)])
def test_a_sequence_that_never_was_brings_the_whole_table(world: ControlWorld, epoch: str, after: int) -> None:
    answer = world.client().ask(Subscribe(epoch, after))
    assert answer == Subscribed("first", resumed=False)


def test_what_changes_during_a_synchronisation_is_sent_in_order(
    world: ControlWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A route that a part has sent may go before the last part, one that it has not may come, and no one is in sync
    before the end."""
    monkeypatch.setattr("reflector.control.loc_rib_stream.ROUTES_PER_UPDATE", 10)
    prefixes = [f"10.5.{number}.0/24" for number in range(100)]
    world.receive("a", announce(*prefixes))
    client, follower = world.client(), Follower()
    client.send(Subscribe())
    world.turn()
    client.send(ShowPeers())
    for number in range(8):
        world.receive("a", withdraw(prefixes[number * 10]), announce(f"10.6.{number}.0/24"))
        replies = client.read_whatever_is_there()
        follower.take(replies)
        assert not any(reply.in_sync for reply in replies if isinstance(reply, LocRibUpdate))
    follower.read_until(client, lambda: follower.in_sync)
    gone = {prefixes[number * 10] for number in range(8)}
    assert follower.routes == ({POD, *prefixes} - gone) | {f"10.6.{number}.0/24" for number in range(8)}
    assert isinstance(client.wait_for(lambda replies: replies[0] if replies else None), Peers)


def test_a_speaker_that_has_not_heard_its_peers_says_so_when_it_has(tmp_path: Path) -> None:
    with ControlWorld(a_plan(A), tmp_path) as world:
        world.up("a")
        client, follower = world.client(), Follower()
        client.send(Subscribe())
        follower.read_until(client, lambda: follower.epoch)
        world.receive("a", announce(POD))
        follower.take(client.read_whatever_is_there())
        assert (follower.routes, follower.in_sync) == ({POD}, False)
        world.receive("a", *ends())
        follower.read_until(client, lambda: follower.in_sync)


def test_a_subscriber_that_never_reads_is_dropped_and_the_other_hears_everything(
    world: ControlWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "MAX_UNREAD_OCTETS", 100_000)
    stuck, reader, follower = world.client(), world.client(), Follower()
    stuck.send(Subscribe())
    follower.subscribe(reader)
    changes = 0
    while world.server.dropped == 0:
        changes += 1
        assert changes < 1000, "it is not dropped"
        world.receive("a", announce(*(f"10.{changes % 200}.{number}.0/24" for number in range(200)), med=changes))
        follower.take(reader.read_whatever_is_there())
    follower.read_until(reader, lambda: follower.sequence == changes)
    assert (world.server.dropped, len(world.server._clients)) == (1, 1)


def test_an_answer_is_made_only_as_fast_as_it_is_read(world: ControlWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large table costs a client that does not read it no memory here."""
    monkeypatch.setattr(control, "ENOUGH_UNREAD_OCTETS", 10_000)
    fill(world, 60_000)
    client, follower = world.client(), Follower()
    client.send(Subscribe())
    for _ in range(200):
        world.turn()
    (served,) = world.server._clients.values()
    assert len(served._unsent) < 50_000
    follower.read_until(client, lambda: follower.in_sync)
    assert len(follower.routes) == 60_001


# ------------------------------------------------------------------------------------------ turns


def fill(world: ControlWorld, count: int, peer: str = "a") -> None:
    prefixes = [f"10.{64 + number // 16384}.{number // 64 % 256}.{number % 64 * 4}/30" for number in range(count)]
    for start in range(0, count, 1000):
        communities = (64512 << 16 | start // 1000,)
        body = announce(*prefixes[start : start + 1000], communities=communities, next_hop=world_address(peer))
        world.engine.receive(peer, MessageType.UPDATE, body, world.now)
    world.turn()


@pytest.fixture(scope="module")
def full_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlWorld]:
    """Both clients have sent the same 100,000 prefixes with 100 different attributes."""
    with ControlWorld(a_plan(A, B), tmp_path_factory.mktemp("full")) as world:
        for name in ("a", "b"):
            world.up(name)
            fill(world, 100_000, name)
            world.receive(name, *ends())
        yield world


def world_address(peer: str) -> str:
    return {"a": "10.0.0.1", "b": "10.0.0.2"}[peer]


@pytest.mark.slow
@pytest.mark.parametrize(
    "question",
    [
        Subscribe(),
        ShowRoutes(limit=1_000_000),
        ShowRoutes(table=Table.RECEIVED, peer="a", limit=1_000_000),
        ShowRoutes(table=Table.ADVERTISED, peer="b", limit=1_000_000),
        ShowPeers(),
        ShowCounters(decision=True),
        Explain("10.64.0.1/32"),
        Explain("0.0.0.0/0"),
    ],
    ids=["subscribe", "routes", "received", "advertised", "peers", "counters", "explain", "explain everything"],
)
def test_no_question_about_100000_routes_makes_a_long_turn(full_world: ControlWorld, question) -> None:
    """It takes a few milliseconds; the bound has room for a slower machine. The garbage collector is left out."""
    world = full_world
    client, follower = world.client(), Follower()
    gc.disable()
    world.longest = 0.0
    client.send(question)
    if isinstance(question, Subscribe):
        follower.read_until(client, lambda: follower.in_sync)
        assert len(follower.routes) == 100_000
    else:
        assert not isinstance(client.wait_for(lambda replies: replies[0] if replies else None), Refused)
    gc.enable()
    client.close()
    print(f"longest turn {world.longest * 1000:.1f} ms")  # noqa: T201
    assert world.longest < 0.03


@pytest.mark.slow
def test_no_question_about_1000_sessions_makes_a_long_turn(tmp_path: Path) -> None:
    sessions = [a_client(f"s{n}", f"10.0.{n // 250}.{n % 250 + 1}") for n in range(1000)]
    with ControlWorld(a_plan(*sessions), tmp_path) as world:
        for session in sessions:
            world.engine.session_up(session.name, a_negotiation(session.peer_address), world.now)
            world.engine.receive(session.name, MessageType.UPDATE, announce(f"{session.peer_address}/32"), world.now)
        world.engine.flush(world.now)
        client = world.client()
        world.longest = 0.0
        peers = client.ask(ShowPeers())
        assert isinstance(peers, Peers)
        assert len(peers.peers) == 1000
        print(f"longest turn {world.longest * 1000:.1f} ms")  # noqa: T201
        assert world.longest < 0.03
