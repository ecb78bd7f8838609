"""What one hostile peer at full speed costs 100 healthy ones: engine, transport and sockets of a speaker, no ExaBGP.

A healthy peer announces a prefix every 10 ms, in turn, and each of the others must have it. Measured is the time from
the announcement to each arrival, first undisturbed and then under each attack. Rule: p99 at most three times that of
the undisturbed run (a time below FLOOR counts as FLOOR: it is the machine's, not the speaker's), and nothing lost.
Run: python labs/bench/attacker.py [--seconds N]
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import select
import socket
import sys
import time
from collections.abc import Callable, Iterator
from itertools import count, cycle, islice
from typing import NamedTuple

from reflector.engine import Engine
from reflector.event_loop import EventLoop
from reflector.plan import NodePlan, SessionKind, SessionPlan, Verdict
from reflector.process.garbage import settle
from reflector.session.negotiated import Negotiated
from reflector.transport.connection import Handover
from reflector.transport.transport import Transport
from reflector.wire.attribute_writer import encode_attributes
from reflector.wire.attributes import AS_SEQUENCE, PathAttributes, intern_attributes
from reflector.wire.message import MAX_EXTENDED_LENGTH, MAX_LENGTH, MessageReader, MessageType
from reflector.wire.update import (
    BEGIN_OF_REFRESH,
    END_OF_REFRESH,
    PLAIN_REFRESH,
    announcements,
    route_refresh,
    withdrawals,
)

HEALTHY = 100
TABLE = 200  # prefixes of each healthy peer
INTERVAL = 0.01
FLOOR = 0.005
FACTOR = 3.0
LOCAL_AS = 64512
HOSTILE = "hostile"
_TICK = 0.25


def nlri(number: int) -> bytes:
    return bytes((32,)) + ((10 << 24) + number).to_bytes(4, "big")


def updates(attributes: PathAttributes, keys: list[bytes], longest: int = MAX_LENGTH) -> bytes:
    return b"".join(announcements(4, encode_attributes(attributes), attributes.next_hop, keys, longest))


def address_of(peer: int) -> bytes:
    return bytes((172, 16, peer >> 8, peer & 255))


# ------------------------------------------------------------------------------------------- attacks
# Each yields octets without an end. Prefixes of the attacker are above those of the others.

_FIRST = 1 << 22


def attributes(number: int = 0, **fields: object) -> PathAttributes:
    given = {"next_hop": address_of(999), "local_pref": 100, "med": number}
    return intern_attributes(**(given | fields))


def refreshes() -> Iterator[bytes]:
    yield from cycle([route_refresh(4, PLAIN_REFRESH) * 500])


def path_identifiers() -> Iterator[bytes]:
    prefix = nlri(_FIRST)
    for number in count():
        keys = [identifier.to_bytes(4, "big") + prefix for identifier in range(5000)]
        ordered = keys if number % 2 else keys[::-1]
        yield updates(attributes(number), ordered)
        yield b"".join(withdrawals(4, ordered[:2500], MAX_LENGTH))


def flaps() -> Iterator[bytes]:
    keys = [bytes(4) + nlri(_FIRST + number) for number in range(2000)]
    announced = [updates(attributes(), [key]) for key in keys]
    withdrawn = [b"".join(withdrawals(4, [key], MAX_LENGTH)) for key in keys]
    for first in cycle(range(0, 2000, 100)):
        yield b"".join(announced[first : first + 100] + withdrawn[first : first + 100])


def attribute_churn() -> Iterator[bytes]:
    key = [bytes(4) + nlri(_FIRST)]
    for number in count():
        communities = tuple((number * 4000 + index) & 0xFFFFFF for index in range(4000))
        yield updates(attributes(communities=communities), key, MAX_EXTENDED_LENGTH)


def long_as_paths() -> Iterator[bytes]:
    for number in count():
        segments = tuple((AS_SEQUENCE, tuple(range(1 + number, 256 + number))) for _ in range(8))
        yield updates(attributes(as_path=segments), [bytes(4) + nlri(_FIRST + number % 500)], MAX_EXTENDED_LENGTH)


def marks() -> Iterator[bytes]:
    keys = [bytes(4) + nlri(_FIRST + number) for number in range(5000)]
    storm = route_refresh(4, BEGIN_OF_REFRESH) * 500
    for number in count():
        yield updates(attributes(number), keys) + storm + route_refresh(4, END_OF_REFRESH)


ATTACKS: dict[str, Callable[[], Iterator[bytes]]] = {
    "refreshes": refreshes,
    "path identifiers": path_identifiers,
    "flaps": flaps,
    "attribute churn": attribute_churn,
    "long AS_PATHs": long_as_paths,
    "BoRR storms": marks,
}


# ------------------------------------------------------------------------------------------- processes


def attack(connection: socket.socket, name: str) -> None:
    """Sends as fast as the speaker reads, and reads what comes."""
    connection.setblocking(False)
    octets = iter(islice(ATTACKS[name](), 50))
    prepared = list(octets)
    waiting = memoryview(b"")
    for chunk in cycle(prepared):
        waiting = memoryview(chunk)
        while waiting:
            readable, writable, _ = select.select([connection], [connection], [])
            if readable and not connection.recv(1 << 20):
                return
            if writable:
                waiting = waiting[connection.send(waiting) :]


def speak(sockets: dict[str, socket.socket]) -> None:
    """A speaker: what reflector.speaker does around the engine, without its session layer."""
    loop, clock = EventLoop(), time.monotonic
    sessions = tuple(
        SessionPlan(
            name,
            SessionKind.NODE,
            f"172.16.0.{index}",
            LOCAL_AS,
            LOCAL_AS,
            (4,),
            rr_client=True,
            export_default=Verdict.ACCEPT,
        )
        for index, name in enumerate(sockets)
    )
    engine = Engine(NodePlan("reflector", "172.16.255.1", cluster_id="224.0.0.1", sessions=sessions), clock())
    transport = Transport(engine, loop, clock)
    for index, (name, ours) in enumerate(sockets.items()):
        both: frozenset[int] = frozenset((4,)) if name == HOSTILE else frozenset()
        negotiated = Negotiated(
            address_of(index), bytes((172, 16, 255, 1)), (4,), 0, route_refresh=True, enhanced_refresh=True,
            max_length=MAX_EXTENDED_LENGTH, add_path_receive=both,  # type: ignore[arg-type]  # families
        )  # fmt: skip
        transport.take(Handover(name, ours, negotiated, lambda reason, _: sys.exit(f"a session ended: {reason}")))
    settle()
    next_tick = 0.0
    while True:
        loop.turn(min(max(transport.due(clock()) - clock(), 0.0), _TICK))
        transport.go_on()
        now = clock()
        if now >= next_tick:
            next_tick = now + _TICK
            engine.tick(now)
            engine.trim_logs()
        transport.finish(engine.flush(now), clock() - now)


# ------------------------------------------------------------------------------------------- measuring


class Figures(NamedTuple):
    p50: float
    p99: float
    lost: int
    probes: int


class Healthy:
    """The healthy peers: all in this process."""

    def __init__(self, connections: list[socket.socket]) -> None:
        self._poll = select.epoll()
        self._by_descriptor = {each.fileno(): index for index, each in enumerate(connections)}
        self._connections = connections
        self._readers = [MessageReader(MAX_EXTENDED_LENGTH) for _ in connections]
        for each in connections:
            self._poll.register(each.fileno(), select.EPOLLIN)
        self._sent: dict[bytes, float] = {}
        self._missing: dict[bytes, int] = {}
        self.times: list[float] = []

    def announce(self, peer: int, keys: list[bytes], med: int = 0) -> None:
        made = intern_attributes(next_hop=address_of(peer), local_pref=100, med=med)
        self._connections[peer].sendall(updates(made, keys))

    def probe(self, peer: int, number: int) -> None:
        key = nlri((1 << 21) + number)
        self._sent[key], self._missing[key] = time.monotonic(), len(self._connections) - 1
        self.announce(peer, [key])

    @property
    def lost(self) -> int:
        return sum(self._missing.values())

    def receive(self, until: float) -> None:
        while (left := until - time.monotonic()) > 0:
            for descriptor, _ in self._poll.poll(left):
                index = self._by_descriptor[descriptor]
                data = self._connections[index].recv(1 << 18)
                if not data:
                    raise ConnectionError(f"the session of peer {index} ended")
                self._read(index, data)

    def _read(self, index: int, data: bytes) -> None:
        now = time.monotonic()
        for kind, body in self._readers[index].feed(data):
            # A probe is the only route of its UPDATE, and what is sent of it ends with its NLRI.
            key = body[-5:]
            if kind == MessageType.UPDATE and key in self._missing and self._missing[key] > 0:
                self._missing[key] -= 1
                self.times.append(now - self._sent[key])


def measure(seconds: float, attack_name: str) -> Figures:
    names = [f"healthy-{index}" for index in range(HEALTHY)]
    pairs = {name: socket.socketpair() for name in (*names, HOSTILE)}
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=speak, args=({name: ours for name, (ours, _) in pairs.items()},), daemon=True)]
    if attack_name:
        processes.append(context.Process(target=attack, args=(pairs[HOSTILE][1], attack_name), daemon=True))
    healthy = Healthy([pairs[name][1] for name in names])
    processes[0].start()
    for index in range(HEALTHY):
        healthy.announce(index, [nlri(index * TABLE + number) for number in range(TABLE)])
        healthy.receive(time.monotonic() + 0.01)
    healthy.receive(time.monotonic() + 2.0)
    for process in processes[1:]:
        process.start()
    healthy.receive(time.monotonic() + 1.0)
    started, number = time.monotonic(), 0
    try:
        while (due := started + number * INTERVAL) < started + seconds:
            healthy.receive(due)
            healthy.probe(number % HEALTHY, number)
            number += 1
        healthy.receive(time.monotonic() + 3.0)
    finally:
        for process in processes:
            process.kill()
            process.join()
        for pair in pairs.values():
            for each in pair:
                each.close()
    times = sorted(healthy.times) or [math.inf]
    return Figures(times[len(times) // 2], times[len(times) * 99 // 100], healthy.lost, number)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=5.0, help="so long for each attack")
    options.add_argument("--attack", choices=ATTACKS, help="only this one")
    given = options.parse_args()
    usual = measure(given.seconds, "")
    print(f"{'undisturbed':18} p50 {usual.p50 * 1000:7.1f} ms  p99 {usual.p99 * 1000:7.1f} ms  lost {usual.lost}")
    failed = usual.lost > 0
    for name in [given.attack] if given.attack else ATTACKS:
        figures = measure(given.seconds, name)
        ratio = figures.p99 / max(usual.p99, FLOOR)
        failed = failed or figures.lost > 0
        print(
            f"{name:18} p50 {figures.p50 * 1000:7.1f} ms  p99 {figures.p99 * 1000:7.1f} ms  lost {figures.lost}"
            f"  {ratio:.1f} times{' (too much)' if ratio > FACTOR else ''}"
        )
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
