"""NLRI: a prefix as its wire bytes, which are also the key of every table.

An NLRI is the length octet (in bits) and the prefix octets that the length needs (RFC 4271 4.3), trailing bits
zero, so that equal prefixes are equal bytes. With a path identifier (RFC 7911) four octets stand in front: that is
the key in the Adj-RIB-In of such a session. Only the bare NLRI is ever a key of the Loc-RIB.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv6Address, ip_network
from struct import Struct

from reflector.plan import Family

# By length modulo 8: the bits of the last octet that the prefix does not own.
_SLACK = (0, 0x7F, 0x3F, 0x1F, 0x0F, 0x07, 0x03, 0x01)
# The last octets that set none of these, and a reader of items for each size that an NLRI can have,
# also with a path identifier.
_WITHOUT_SLACK = tuple(bytes(octet for octet in range(256) if not octet & slack) for slack in _SLACK)
_STEPS = tuple(Struct(f"{size}s") for size in range(22))


class NlriError(ValueError):
    """The octets are not a list of NLRI (RFC 4271 6.3: Invalid Network Field)."""


def split_nlri(data: bytes, max_bits: int) -> list[bytes]:
    """A field of NLRI as a list. Raises NlriError on a length over max_bits or a truncated prefix."""
    return _split_alike(data, max_bits) or _split_each(data, max_bits)


def check_nlri(nlri: bytes, max_bits: int) -> None:
    """Raises NlriError for what is not exactly one prefix, without bits behind its length."""
    if split_nlri(nlri, max_bits) != [nlri]:
        raise NlriError(f"{nlri.hex()!r} is not one prefix")


def _split_alike(data: bytes, max_bits: int, identifier: int = 0) -> list[bytes]:
    """A field in which all prefixes have the length of the first, as the blocks of a pool do; none for any other. If
    the octet at every step is that length, then every prefix ends where the next such octet stands. In front of each
    stand so many octets of `identifier`."""
    bits = data[identifier] if len(data) > identifier else 0
    step = identifier + 1 + (bits + 7 >> 3)
    if not 0 < bits <= max_bits or len(data) % step or data[identifier::step].strip(data[identifier : identifier + 1]):
        return []
    slack = _SLACK[bits & 7]
    if slack and data[step - 1 :: step].translate(None, _WITHOUT_SLACK[bits & 7]):
        return []
    return [nlri for (nlri,) in _STEPS[step].iter_unpack(data)]


def first_octets(keys: list[bytes], at: int) -> bytes:
    """The first octet of each prefix, where all have the length of the first and none is a default route; else b"". The
    NLRI stand behind `at` octets of each key. In one row they are compared as those of a field in `_split_alike`."""
    step = len(keys[0]) if keys else 0
    row = b"".join(keys)
    if len(row) != step * len(keys) or step < at + 2:
        return b""
    return b"" if row[at::step].strip(row[at : at + 1]) else row[at + 1 :: step]


def _split_each(data: bytes, max_bits: int) -> list[bytes]:
    result: list[bytes] = []
    append = result.append
    position, end = 0, len(data)
    while position < end:
        bits = data[position]
        after = position + 1 + (bits + 7 >> 3)
        if bits > max_bits:
            raise NlriError(f"prefix length {bits} exceeds {max_bits}")
        nlri = data[position:after]
        if bits & 7 and nlri[-1] & _SLACK[bits & 7]:
            nlri = nlri[:-1] + bytes((nlri[-1] & ~_SLACK[bits & 7] & 0xFF,))
        append(nlri)
        position = after
    if position != end:
        raise NlriError("the last prefix is truncated")
    return result


def split_path_nlri(data: bytes, max_bits: int) -> list[bytes]:
    """The same with path identifiers: each item is the identifier's four octets and the NLRI (RFC 7911 3)."""
    return _split_alike(data, max_bits, identifier=4) or _split_each_path(data, max_bits)


def _split_each_path(data: bytes, max_bits: int) -> list[bytes]:
    result: list[bytes] = []
    position, end = 0, len(data)
    while position < end:
        if position + 5 > end:
            raise NlriError("a path identifier is truncated")
        after = position + 5 + (data[position + 4] + 7 >> 3)
        (nlri,) = _split_each(data[position + 4 : after], max_bits)
        result.append(data[position : position + 4] + nlri)
        position = after
    return result


def pack_nlri(prefix: str) -> bytes:
    """ "10.0.0.0/8" as an NLRI. Raises ValueError for host bits or a bad prefix."""
    network = ip_network(prefix)
    return bytes((network.prefixlen,)) + network.network_address.packed[: network.prefixlen + 7 >> 3]


def unpack_nlri(nlri: bytes, family: Family) -> str:
    """An NLRI as text."""
    bits = nlri[0]
    if family == 4:
        octets = nlri[1:] + bytes(5 - len(nlri))
        return f"{octets[0]}.{octets[1]}.{octets[2]}.{octets[3]}/{bits}"
    return f"{IPv6Address(nlri[1:] + bytes(17 - len(nlri)))}/{bits}"


def prefix_order(nlri: bytes) -> tuple[bytes, int]:
    """Sorts NLRI of one family by address, then length."""
    return nlri[1:], nlri[0]


def contains(outer: bytes, nlri: bytes) -> bool:
    """Whether `nlri` is `outer` or more specific; of one family."""
    bits = outer[0]
    if nlri[0] < bits:
        return False
    whole = 1 + (bits >> 3)
    if outer[1:whole] != nlri[1:whole]:
        return False
    rest = 8 - (bits & 7)
    return rest == 8 or outer[whole] >> rest == nlri[whole] >> rest


def wider(nlri: bytes) -> Iterator[bytes]:
    """The prefixes around it, the longest first, down to the default route."""
    for bits in range(nlri[0] - 1, -1, -1):
        octets = bytearray(nlri[1 : 1 + (bits + 7 >> 3)])
        if bits & 7:
            octets[-1] &= ~_SLACK[bits & 7]
        yield bytes((bits,)) + octets
