"""OPEN messages written and read by hand, for raw peers."""

from __future__ import annotations

import socket

from segment import LOCAL_AS, RawPeer

IPV4_UNICAST = bytes((1, 4, 0, 1, 0, 1))
IPV6_UNICAST = bytes((1, 4, 0, 2, 0, 1))


def capability(code: int, value: bytes = b"") -> bytes:
    return bytes((code, len(value))) + value


def four_octet_as(number: int) -> bytes:
    return capability(65, number.to_bytes(4, "big"))


def open_body(
    router_id: str, *capabilities: bytes, version: int = 4, asn: int = LOCAL_AS, hold_time: int = 90
) -> bytes:
    """One optional parameter for each capability (RFC 5492 4)."""
    parameters = b"".join(bytes((2, len(each))) + each for each in capabilities)
    fixed = bytes((version,)) + asn.to_bytes(2, "big") + hold_time.to_bytes(2, "big") + socket.inet_aton(router_id)
    return fixed + bytes((len(parameters),)) + parameters


def capabilities_of(body: bytes) -> dict[int, list[bytes]]:
    """The values by code of an OPEN's capabilities."""
    found: dict[int, list[bytes]] = {}
    parameters = body[10:]
    while parameters:
        kind, length = parameters[:2]
        assert kind == 2
        value, parameters = parameters[2 : 2 + length], parameters[2 + length :]
        while value:
            code, size = value[:2]
            found.setdefault(code, []).append(value[2 : 2 + size])
            value = value[2 + size :]
    return found


def answer_to(peer: RawPeer, body: bytes) -> tuple[int, bytes]:
    """Sends an OPEN and returns what comes after the other end's own: type and body."""
    peer.send(1, body)
    peer.receive_until(1)
    return peer.receive()


def offered_to(peer: RawPeer) -> dict[int, list[bytes]]:
    """The capabilities in the OPEN that the other end sends to a new connection."""
    return capabilities_of(peer.receive_until(1))
