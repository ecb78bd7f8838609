"""How the values of our annotations are written: each function turns text into a field of Settings.

All raise ValueError for text that is not valid; table.py has the valid forms. Times
are Go durations as in Calico's own fields, rounded to whole seconds.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address

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
