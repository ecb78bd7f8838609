"""What clients received, read in full: every route, its attributes, and that nothing is lost or sent twice.

Rule (RFC 4456 8 and 10): a reflected route has the originator's next hop, LOCAL_PREF, ORIGIN and AS_PATH as they came,
the originator's BGP identifier as ORIGINATOR_ID and the reflector's cluster as CLUSTER_LIST. A client may be sent its
own routes back. The load records the UPDATEs while clients announce, one joins late and one withdraws.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from labs.bench.reflection import messages
from labs.bench.reflection.case import CLUSTER_ID, Case
from labs.bench.reflection.daemons import Daemon
from labs.bench.reflection.load import LIMIT, WINDOW, Load, LoadError, LoadResult
from labs.bench.reflection.messages import LOCAL_PREF
from labs.bench.reflection.segment import REFLECTOR, Segment
from reflector.addresses import pack_address, unpack_address
from reflector.wire.attribute_rules import Dialect
from reflector.wire.attributes import PathAttributes
from reflector.wire.message import HEADER_LENGTH
from reflector.wire.nlri import unpack_nlri
from reflector.wire.update import UpdateReader

WITHDRAWER = 0
Table = dict[bytes, PathAttributes]


class _Receiver:
    """What one client has received so far."""

    def __init__(self, case: Case) -> None:
        self.table: Table = {}
        self.again = 0
        self.errors: list[str] = []
        self._reader = UpdateReader(Dialect(four_octet_as=True, external=False), frozenset({case.family}), frozenset())

    def receive(self, octets: bytes) -> None:
        update = self._reader.read(octets[HEADER_LENGTH:])
        if update.error:
            self.errors.append(update.error)
        for _, keys in update.withdrawn:
            for key in keys:
                self.table.pop(key, None)
        for _, attributes, keys in update.announced:
            self.again += sum(self.table.get(key) is attributes for key in keys)
            self.table.update(dict.fromkeys(keys, attributes))


def check(daemon: Daemon, case: Case, load_program: Path) -> list[str]:
    """What is wrong, one sentence each kind with how often; none if all is right."""
    with tempfile.TemporaryDirectory(prefix="bench-") as text, Segment(case) as segment:
        directory = Path(text)
        segment.start(REFLECTOR, daemon.prepare(case, directory), directory / "daemon.log")
        load = Load(segment, case, load_program, directory, record=True)
        try:
            failure = _exercise(case, load)
        except LoadError as error:
            failure = str(error)
        if failure:
            return [failure]
        assert load.recorded is not None
        return complaints(case, list(messages.read_messages(load.recorded)))


def _exercise(case: Case, load: Load) -> str:
    """Why it did not get to the end, "" if it did."""
    everyone = range(case.clients)
    steps: tuple[tuple[str, Callable[[], LoadResult]], ...] = (
        ("session set-up", lambda: load.connect(list(messages.opens(case, everyone)), WINDOW, LIMIT)),
        ("End-of-RIB", lambda: load.play(list(messages.ends_of_rib(case, everyone)), LIMIT)),
        ("convergence", lambda: load.play(list(messages.tables(case)), LIMIT)),
        ("late joiner", lambda: load.connect(list(messages.opens(case, [case.late_joiner])), WINDOW, LIMIT)),
        ("withdrawal", lambda: load.play(list(messages.withdrawal(case, WITHDRAWER)), LIMIT)),
    )
    for name, step in steps:
        outcome = step()
        if not outcome.done or outcome.wrong:
            return f"{name}: {outcome.wrong} prefixes missing or too many, {outcome.lost} sessions lost"
    return ""


def complaints(case: Case, recorded: list[messages.ClientMessage]) -> list[str]:
    """Of UPDATEs that end with all having everything but the withdrawer's prefixes."""
    receivers = [_Receiver(case) for _ in range(case.configured)]
    for client, octets in recorded:
        receivers[client].receive(octets)
    found: Counter[str] = Counter()
    for client, receiver in enumerate(receivers):
        found.update(_of_receiver(case, client, receiver))
    return [f"{sentence} ({count} times)" if count > 1 else sentence for sentence, count in found.items()]


def _of_receiver(case: Case, client: int, receiver: _Receiver) -> Iterator[str]:
    yield from (f"cannot be read: {error}" for error in receiver.errors)
    if receiver.again:
        yield f"client {client} was sent {receiver.again} routes twice without a change"
    for owner in range(case.clients):
        for key in case.keys(owner):
            attributes = receiver.table.pop(key, None)
            if owner == WITHDRAWER:
                if attributes is not None and client != owner:
                    yield "a withdrawn prefix is still there"
            elif attributes is not None:
                yield from _of_route(case, owner, attributes)
            elif owner != client:
                yield "a prefix is missing"
    yield from (f"no client advertised {unpack_nlri(key, case.family)}" for key in receiver.table)


def _of_route(case: Case, owner: int, attributes: PathAttributes) -> Iterator[str]:
    expected = {
        "ORIGIN": (attributes.origin, 0),
        "AS_PATH": (attributes.as_path, ()),
        "next hop": (attributes.next_hop, pack_address(case.address(owner))),
        "MULTI_EXIT_DISC": (attributes.med, None),
        "LOCAL_PREF": (attributes.local_pref, LOCAL_PREF),
        "ORIGINATOR_ID": (attributes.originator_id, case.router_id(owner)),
        "CLUSTER_LIST": (attributes.cluster_list, (pack_address(CLUSTER_ID),)),
    }
    for name, (received, right) in expected.items():
        if received != right:
            yield f"{name} is {_readable(received)}, not {_readable(right)}"


def _readable(value: object) -> str:
    if isinstance(value, bytes) and len(value) in (4, 16):
        return unpack_address(value)
    return repr(value)
