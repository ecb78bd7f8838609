"""How long one reflector engine takes to advertise N x M routes to N clients: octets in, octets out, no sockets.

Each client announces M prefixes in UPDATEs of its own attributes; a turn ends after ten clients, as it would under
load; the time is from the first octet received until every outbox is empty.
Run: python labs/bench/engine.py [--profile]
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import pstats
import time
from typing import NamedTuple

from reflector.engine import Engine
from reflector.plan import (
    Match,
    NodePlan,
    Policy,
    PolicyRule,
    PrefixMatch,
    SessionKind,
    SessionPlan,
    Verdict,
)
from reflector.session.negotiated import Negotiated
from reflector.wire.attribute_writer import encode_attributes
from reflector.wire.attributes import intern_attributes
from reflector.wire.message import MAX_LENGTH, MessageReader
from reflector.wire.update import announcements

CASES = ((50, 4), (100, 10), (500, 4), (1000, 4), (100, 1000), (10, 10000))
CLIENTS_A_TURN = 10
LOCAL_AS = 64512
OUR_ADDRESS = bytes((172, 16, 255, 1))
# Blocks of a /8 pool are advertised, anything else is not, as a compiled Calico node would have it.
POOL = PolicyRule(Verdict.ACCEPT, Match(prefix=PrefixMatch("10.0.0.0/8", 8, 32)), defined_by="pool")
POLICY = Policy("pools", (POOL, PolicyRule(Verdict.REJECT)))


class Figures(NamedTuple):
    seconds: float
    octets: int
    chunks: int


def address_of(client: int) -> bytes:
    return bytes((172, 16, client >> 8, client & 255))


def a_session(client: int) -> SessionPlan:
    return SessionPlan(
        name=f"client-{client}",
        kind=SessionKind.NODE,
        peer_address=".".join(map(str, address_of(client))),
        peer_as=LOCAL_AS,
        local_as=LOCAL_AS,
        families=(4,),
        rr_client=True,
        export_policies=(POLICY.name,),
    )


def announcements_of(client: int, prefixes: int) -> list[bytes]:
    """UPDATEs for this client's own /26 blocks."""
    attributes = intern_attributes(next_hop=address_of(client), local_pref=2147482623)
    first = client * prefixes
    keys = [bytes((26,)) + ((10 << 24) + (block << 6)).to_bytes(4, "big") for block in range(first, first + prefixes)]
    return list(announcements(4, encode_attributes(attributes), address_of(client), keys, MAX_LENGTH))


def a_reflector(clients: int) -> Engine:
    """All sessions are Established and have their End-of-RIB."""
    sessions = tuple(map(a_session, range(clients)))
    plan = NodePlan("reflector", "172.16.255.1", cluster_id="224.0.0.1", sessions=sessions, policies=(POLICY,))
    engine = Engine(plan, 0.0)
    for client, session in enumerate(sessions):
        negotiated = Negotiated(address_of(client), OUR_ADDRESS, families=(4,), hold_time=240)
        engine.session_up(session.name, negotiated, 0.0)
    end_turn(engine)
    return engine


def end_turn(engine: Engine) -> tuple[int, int]:
    """Octets and chunks that the clients were handed."""
    octets = chunks = 0
    for peer in engine.flush(0.0).ready:
        take = peer.outbox.take
        while (chunk := take()) is not None:
            octets += len(chunk)
            chunks += 1
    return octets, chunks


def run(engine: Engine, streams: list[tuple[str, bytes]]) -> Figures:
    octets = chunks = 0
    started = time.perf_counter()
    for first in range(0, len(streams), CLIENTS_A_TURN):
        for name, stream in streams[first : first + CLIENTS_A_TURN]:
            for kind, body in MessageReader().feed(stream):
                engine.receive(name, kind, body, 0.0)
        sent = end_turn(engine)
        octets, chunks = octets + sent[0], chunks + sent[1]
        engine.trim_logs()
    return Figures(time.perf_counter() - started, octets, chunks)


def measure(clients: int, prefixes: int, profile: cProfile.Profile | None) -> Figures:
    engine = a_reflector(clients)
    streams = [(f"client-{client}", b"".join(announcements_of(client, prefixes))) for client in range(clients)]
    gc.collect()
    if profile is not None:
        profile.enable()
    figures = run(engine, streams)
    if profile is not None:
        profile.disable()
    assert len(engine.ribs[4].table) == clients * prefixes
    for peer in engine.peers.values():
        assert peer.outbox.is_empty
        assert peer.group is not None
        assert peer.group.encoder.advertised[4] == clients * prefixes
    return figures


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--profile", action="store_true", help="also show where the time of the last case went")
    options.add_argument("--repeat", type=int, default=3, help="take the fastest of so many runs")
    options.add_argument("--case", help="only this one, as 100x1000")
    given = options.parse_args()
    cases = [tuple(map(int, given.case.split("x")))] if given.case else CASES
    for clients, prefixes in cases:
        best = min(measure(clients, prefixes, None) for _ in range(given.repeat))
        print(f"{clients:5} x {prefixes:<6} {best.seconds:8.4f} s {best.octets:12} octets {best.chunks:8} chunks")
    if given.profile:
        profile = cProfile.Profile()
        measure(*cases[-1], profile)
        pstats.Stats(profile).sort_stats("tottime").print_stats(18)


if __name__ == "__main__":
    main()
