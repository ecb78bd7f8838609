"""How the values of our annotations are written: each function turns text into a field of Settings.

All raise ValueError for text that is not valid; table.py has the valid forms. Times
are Go durations as in Calico's own fields, rounded to whole seconds.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, ip_network

from bgpctl.resources.annotations.settings import AddPath, LossLimit, PrefixLimit
from bgpctl.resources.values.notations import parse_duration
from reflector.plan import Family, LimitAction, Role

OFF = "off"
# RFC 4271 4.2: zero, or at least three seconds, in two octets.
SHORTEST_HOLD_TIME, LONGEST_HOLD_TIME = 3, 0xFFFF
# RFC 9494 3 gives the long-lived stale time three octets.
LONGEST_STALE_TIME = 0xFFFFFF
# What fits into the counters of any peer that we know.
MOST_ROUTES = 0xFFFFFFFF

# A digest of what is held (bgpctl/brake/digest.py).
DIGEST = re.compile(r"[0-9a-f]{12}")

# ORIGIN, AS_PATH, NEXT_HOP, LOCAL_PREF, ORIGINATOR_ID, CLUSTER_LIST, MP_REACH_NLRI, MP_UNREACH_NLRI, AS4_PATH: a route
# is none without them, loops, or is longer than it was.
NEEDED_ATTRIBUTES = frozenset((1, 2, 3, 5, 9, 10, 14, 15, 17))

FAMILIES: dict[str, Family] = {"ipv4": 4, "ipv6": 6}
BOOLEANS = {"true": True, "false": False}


def _number(text: str, largest: int) -> int:
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= largest):
        raise ValueError(f"{text!r} is no number from 1 to {largest}")
    return int(text)


def prefix_limit(text: str) -> PrefixLimit:
    """ "1000", "1000 warn", "off"."""
    if text == OFF:
        return PrefixLimit(0)
    limit, _, action = text.partition(" ")
    return PrefixLimit(_number(limit, MOST_ROUTES), LimitAction(action) if action else LimitAction.CEASE)


def percent(text: str) -> int:
    return _number(text, 100)


def duration(text: str) -> int:
    seconds = parse_duration(text)
    if seconds < 0:
        raise ValueError(f"{text!r} is negative")
    return seconds


def stale_time(text: str) -> int:
    seconds = duration(text)
    if seconds > LONGEST_STALE_TIME:
        raise ValueError(f"{text!r} does not fit into 24 bits")
    return seconds


def hold_time(text: str) -> int:
    seconds = duration(text)
    if seconds and not SHORTEST_HOLD_TIME <= seconds <= LONGEST_HOLD_TIME:
        raise ValueError(f"{text!r} is no hold time")
    return seconds


def role(text: str) -> Role:
    return Role(text)


def boolean(text: str) -> bool:
    if text not in BOOLEANS:
        raise ValueError(f"{text!r} is neither true nor false")
    return BOOLEANS[text]


def add_path(text: str) -> AddPath:
    """ "all", "off", "2"."""
    if text in ("all", OFF):
        return AddPath(text != OFF)
    return AddPath(True, _number(text, 0xFFFF))


def families(text: str) -> tuple[Family, ...]:
    """ "ipv4,ipv6", in any order, with or without blanks."""
    names = [name.strip() for name in text.split(",")]
    if len(set(names)) != len(names) or not FAMILIES.keys() >= set(names):
        raise ValueError(f"{text!r} names a family that there is not, or one twice")
    return tuple(sorted(FAMILIES[name] for name in names))


def networks(text: str) -> tuple[str, ...]:
    """ "169.254.0.0/16,fe80::/10", with or without blanks."""
    return tuple(sorted({str(ip_network(name.strip())) for name in text.split(",")}))


def attribute_types(text: str) -> tuple[int, ...]:
    """ "22,40": type codes of attributes that a route can do without."""
    types = {_number(name.strip(), 255) for name in text.split(",")}
    if not types.isdisjoint(NEEDED_ATTRIBUTES):
        raise ValueError(f"{text!r} names an attribute that no route can do without")
    return tuple(sorted(types))


def cluster_id(text: str) -> str:
    """Canonical; 0.0.0.0 is what a node without one has."""
    address = IPv4Address(text)
    if not int(address):
        raise ValueError("0.0.0.0 is no cluster ID")
    return str(address)


def loss_limit(text: str) -> LossLimit:
    """ "50%", "off"."""
    if text == OFF:
        return LossLimit(None)
    if not text.endswith("%"):
        raise ValueError(f"{text!r} is no percentage")
    return LossLimit(_number(text.removesuffix("%"), 100))


def digests(text: str) -> tuple[str, ...]:
    """ "b3f90c1d2e4a", several with commas between them."""
    found = tuple(each.strip() for each in text.split(","))
    if not all(DIGEST.fullmatch(each) for each in found):
        raise ValueError(f"{text!r} is no digest of what is held")
    return found
