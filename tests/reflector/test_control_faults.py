"""Whatever is sent to the speaker's control socket, and whatever goes wrong there, the speaker goes on."""

from __future__ import annotations

import resource
import struct
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from control_world import ControlWorld
from speaker_makers import a_client, a_plan

from reflector.control import answers
from reflector.messages import (
    PROTOCOL_VERSION,
    Explain,
    Originate,
    Peers,
    Refused,
    RetainedWithdrawn,
    ShowCounters,
    ShowPeers,
    ShowRoutes,
    Subscribe,
    WithdrawRetained,
    frame,
)
from reflector.plan import Family, Origination, RouteSource


@pytest.fixture
def world(tmp_path: Path) -> Iterator[ControlWorld]:
    with ControlWorld(a_plan(a_client("a", "10.0.0.1")), tmp_path) as world:
        yield world


BAD_BODIES = {
    "text that is not UTF-8": bytes.fromhex("82a474797065a74578706c61696ea6707265666978a1ff"),
    "nesting without end": b"\x82\xa4type\xa9ShowPeers\xa1x" + b"\x91" * 100_000,
    "empty": b"",
    "a key that is not UTF-8": bytes.fromhex("81a1ff01"),
}


@pytest.mark.parametrize("kind", BAD_BODIES)
def test_a_body_that_is_no_request_is_refused(world: ControlWorld, kind: str) -> None:
    client = world.client()
    client.socket.sendall(struct.pack("!BI", PROTOCOL_VERSION, len(BAD_BODIES[kind])) + BAD_BODIES[kind])
    assert isinstance(client.wait_for(lambda replies: replies[0] if replies else None), Refused)
    assert isinstance(world.client().ask(ShowPeers()), Peers)


@pytest.mark.parametrize(
    ("next_hops", "inside"),
    [
        ((b"x", b""), ((4, b"\xff\xff"),)),
        ((b"",), ()),
        ((b"12345",), ()),
        ((), ((4, b""),)),
        ((), ((4, b"\x21\x0a\x00\x00\x00\x01"),)),
        ((), ((4, b"\x20\x0a"),)),
        ((), ((4, b"\x08\x0a\x00"),)),
        ((), ((6, b"\x81" + bytes(17)),)),
        ((), ((4, b"\x08\x0a\x08\x0b"),)),
        ((), ((4, b"\x07\x0b"),)),
    ],
)
def test_retained_routes_are_withdrawn_by_addresses_and_prefixes_only(
    world: ControlWorld, next_hops: tuple[bytes, ...], inside: tuple[tuple[Family, bytes], ...]
) -> None:
    assert isinstance(world.client().ask(WithdrawRetained(next_hops, inside)), Refused)


def test_retained_routes_are_withdrawn_by_an_address_and_a_prefix(world: ControlWorld) -> None:
    request = WithdrawRetained((b"\x0a\0\0\1", bytes(16)), ((4, b"\x08\x0a"), (4, b"\0"), (6, b"\0")))
    assert world.client().ask(request) == RetainedWithdrawn(0)


def test_an_origination_whose_next_hop_is_of_the_other_family_is_refused(world: ControlWorld) -> None:
    origination = Origination("10.0.0.0/8", RouteSource.SERVICE, next_hop="2001:db8::1")
    assert isinstance(world.client().ask(Originate("x", (origination,))), Refused)


ORIGINATION = Origination("10.9.0.0/16", RouteSource.SERVICE, 7, "eth0", "10.0.0.1", ("1:2",), "x")
REQUESTS = (
    Explain("10.0.0.0/8"),
    ShowRoutes(inside="10.0.0.0/8", after="10.0.0.0/9 7", limit=3),
    ShowPeers(("a",), "b", 1),
    WithdrawRetained((b"\x0a\0\0\1",), ((4, b"\x08\x0a"),)),
    Subscribe("first", 3),
    ShowCounters(decision=True),
    Originate("x", (ORIGINATION,)),
)


@pytest.mark.parametrize("seed", range(200))
def test_mutated_requests_end_nothing(world: ControlWorld, seed: int) -> None:
    """A few octets of a request are others; what still is a request is answered."""
    random = Random(seed)  # noqa: S311
    body = bytearray(frame(random.choice(REQUESTS))[5:])
    for _ in range(random.randint(1, 3)):
        body[random.randrange(len(body))] = random.randrange(256)
    client = world.client()
    client.socket.sendall(struct.pack("!BI", PROTOCOL_VERSION, len(body)) + body)
    client.wait_for(lambda replies: replies or None)
    assert world.failed_answers == []
    assert isinstance(world.client().ask(ShowPeers()), Peers)


def test_an_answer_that_fails_is_refused_and_reported(world: ControlWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise KeyError("ours")

    monkeypatch.setattr(answers, "explain", fails)
    client = world.client()
    refused = client.ask(Explain("10.0.0.0/8"))
    assert isinstance(refused, Refused)
    assert "KeyError" in refused.reason
    assert [type(each) for each in world.failed_answers] == [KeyError]
    assert isinstance(client.ask(ShowPeers()), Peers)


def test_without_descriptors_no_client_is_accepted_and_nothing_spins_until_there_are_some(world: ControlWorld) -> None:
    first = world.client()
    first.ask(ShowPeers())
    waiting = world.client()
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))
    try:
        for _ in range(10):
            world.turn()
        assert world.server.pauses == 1
        assert isinstance(first.ask(ShowPeers()), Peers)
        world.server.resume()
        world.turn()
        assert world.server.pauses == 2
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    world.server.resume()
    assert isinstance(waiting.ask(ShowPeers()), Peers)
