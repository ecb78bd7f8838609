"""What the clients send, made before the clock runs: message files for the load.

A message file is a sequence of (client, length; the message), numbers native and of 32 bits, as load.c reads it and as
it records what it receives. Attributes are those of a Calico node: iBGP, empty AS_PATH, itself as next hop, the
kernel's metric in LOCAL_PREF.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

from labs.bench.reflection.case import LOCAL_AS, Case
from reflector.addresses import pack_address
from reflector.plan import DEFAULT_HOLD_TIME, NORMAL_PRIORITY, PRIORITY_BASE
from reflector.wire.attribute_writer import encode_attributes
from reflector.wire.attributes import intern_attributes
from reflector.wire.message import MAX_LENGTH, MessageType, message
from reflector.wire.update import AFI, UNICAST, announcements, end_of_rib, withdrawals

LOCAL_PREF = PRIORITY_BASE - NORMAL_PRIORITY
_HEADING = struct.Struct("=II")
ClientMessage = tuple[int, bytes]


def write_messages(path: Path, sent: Iterable[ClientMessage]) -> Path:
    path.write_bytes(b"".join(_HEADING.pack(client, len(octets)) + octets for client, octets in sent))
    return path


def read_messages(path: Path) -> Iterator[ClientMessage]:
    data = path.read_bytes()
    position = 0
    while position < len(data):
        client, length = _HEADING.unpack_from(data, position)
        position += _HEADING.size + length
        yield client, data[position - length : position]


def opens(case: Case, clients: Iterable[int]) -> Iterator[ClientMessage]:
    """Multiprotocol for the one family, four-octet AS numbers, route refresh."""
    family = struct.pack("!HBB", AFI[case.family], 0, UNICAST)
    capabilities = b"\x01\x04" + family + b"\x02\x00" + b"\x41\x04" + LOCAL_AS.to_bytes(4, "big")
    parameters = bytes((2, len(capabilities))) + capabilities
    for client in clients:
        head = struct.pack("!BHH", 4, LOCAL_AS, DEFAULT_HOLD_TIME) + case.router_id(client)
        yield client, message(MessageType.OPEN, head + bytes((len(parameters),)) + parameters)


def ends_of_rib(case: Case, clients: Iterable[int]) -> Iterator[ClientMessage]:
    return ((client, end_of_rib(case.family)) for client in clients)


def tables(case: Case) -> Iterator[ClientMessage]:
    """Every measured client's prefixes, in as few UPDATEs as they need."""
    for client in range(case.clients):
        for octets in _announce(case, client, case.keys(client)):
            yield client, octets


def churn(case: Case, first: int, count: int) -> Iterator[ClientMessage]:
    """`count` UPDATEs of one prefix each, numbered from `first` in their MED. All clients take turns, and each goes
    through its prefixes."""
    for number in range(first, first + count):
        client, turn = number % case.clients, number // case.clients
        prefix = client * case.prefixes + turn % case.prefixes
        for octets in _announce(case, client, [case.key(prefix)], number):
            yield client, octets


def withdrawal(case: Case, client: int) -> Iterator[ClientMessage]:
    """All that the client announced, in as few UPDATEs as it needs."""
    return ((client, octets) for octets in withdrawals(case.family, case.keys(client), MAX_LENGTH))


def _announce(case: Case, client: int, keys: list[bytes], med: int | None = None) -> Iterator[bytes]:
    next_hop = pack_address(case.address(client))
    attributes = intern_attributes(next_hop=next_hop, local_pref=LOCAL_PREF, med=med)
    return announcements(case.family, encode_attributes(attributes), next_hop, keys, MAX_LENGTH)
