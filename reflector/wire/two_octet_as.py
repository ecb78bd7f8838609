"""Sessions whose AS numbers have two octets: what is lost there travels in AS4_PATH and AS4_AGGREGATOR (RFC 6793).

Rule: inside the speaker AS numbers always have four octets, and so has AGGREGATOR. Only here are they narrowed, with
AS_TRANS in the place of what does not fit, and restored (RFC 6793 4.2.2 and 4.2.3).
"""

from __future__ import annotations

import struct

from reflector.wire.attributes import (
    AS_SEQUENCE,
    AS_TRANS,
    OPTIONAL,
    TRANSITIVE,
    AsPath,
    Code,
    RawAttribute,
    without_confederation,
)

_MAX_TWO_OCTET_AS = 0xFFFF
_TRANS = struct.pack("!I", AS_TRANS)


def narrow_path(path: AsPath) -> AsPath:
    """The path with AS_TRANS for every AS number that needs four octets."""
    return tuple((kind, tuple(asn if asn <= _MAX_TWO_OCTET_AS else AS_TRANS for asn in asns)) for kind, asns in path)


def as4_path(path: AsPath) -> AsPath | None:
    """The AS4_PATH that goes with narrow_path, None if nothing was lost. Confederation segments stay out of it."""
    if not any(asn > _MAX_TWO_OCTET_AS for _, asns in path for asn in asns):
        return None
    return without_confederation(path)


def restore_path(path: AsPath, tail: AsPath) -> AsPath:
    """The received AS_PATH with its end replaced by the AS4_PATH `tail`, unless that is the longer one."""
    front = _members(path) - _members(tail)
    return path if front < 0 else _join(_first_of(path, front), tail)


def narrow_aggregator(others: tuple[RawAttribute, ...]) -> list[RawAttribute]:
    """`others` with AGGREGATOR in six octets, and AS4_AGGREGATOR where its AS number did not fit."""
    result = []
    for raw in others:
        if raw.code != Code.AGGREGATOR:
            result.append(raw)
            continue
        asn = int.from_bytes(raw.value[:4], "big")
        short = asn if asn <= _MAX_TWO_OCTET_AS else AS_TRANS
        result.append(raw._replace(value=struct.pack("!H", short) + raw.value[4:]))
        if short != asn:
            result.append(RawAttribute(OPTIONAL | TRANSITIVE, Code.AS4_AGGREGATOR, raw.value))
    return result


def restore_aggregator(others: list[RawAttribute]) -> tuple[list[RawAttribute], bool]:
    """`others` without AS4_AGGREGATOR, whose value AGGREGATOR takes over if it is AS_TRANS. And whether AS4_PATH may
    be used: not if AGGREGATOR shows that a two-octet speaker aggregated the route anew."""
    given = {raw.code: raw for raw in others}
    rest = [raw for raw in others if raw.code != Code.AS4_AGGREGATOR]
    aggregator, wide = given.get(Code.AGGREGATOR), given.get(Code.AS4_AGGREGATOR)
    if aggregator is None:
        return rest, True
    is_current = aggregator.value[:4] == _TRANS
    if is_current and wide is not None:
        rest[rest.index(aggregator)] = aggregator._replace(value=wide.value)
    return rest, is_current or wide is None


def _members(path: AsPath) -> int:
    return sum(len(asns) for _, asns in path)


def _first_of(path: AsPath, count: int) -> AsPath:
    """The first `count` AS numbers, in their segments."""
    taken = []
    for kind, asns in path:
        if count <= 0:
            break
        taken.append((kind, asns[:count]))
        count -= len(asns)
    return tuple(taken)


def _join(front: AsPath, tail: AsPath) -> AsPath:
    """Two parts of one path: a sequence that was cut is one again if it fits a segment."""
    if front and tail and front[-1][0] == tail[0][0] == AS_SEQUENCE:
        asns = front[-1][1] + tail[0][1]
        if len(asns) <= 255:
            return (*front[:-1], (AS_SEQUENCE, asns), *tail[1:])
    return front + tail
