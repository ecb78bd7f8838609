"""Texts with a notation of their own: AS numbers, Go's durations, communities, and keys.

Each function turns text into its value or canonical text, or raises ValueError. addresses.py does so for addresses.
"""

from __future__ import annotations

import base64
import re
from decimal import ROUND_HALF_UP, Decimal

_AS_TEXT = re.compile(r"(?:(?P<high>[0-9]{1,5})\.)?(?P<low>[0-9]{1,10})")


def parse_as_number(text: str) -> int:
    """Asplain "65001" or asdot "1.10" (RFC 5396). Raises ValueError."""
    parts = _AS_TEXT.fullmatch(text)
    if parts is None:
        raise ValueError(f"{text!r} is not an AS number")
    low = int(parts["low"])
    if parts["high"] is None:
        return low
    high = int(parts["high"])
    if max(high, low) > 65535:
        raise ValueError(f"{text!r}: both halves of an AS number with a dot are 0 to 65535")
    return high << 16 | low


# Go keeps a duration as a signed number of nanoseconds in 64 bits.
_LONGEST_DURATION = Decimal(2**63 - 1) / 10**9
_UNITS = {
    "ns": Decimal("1e-9"),
    "us": Decimal("1e-6"),
    "µs": Decimal("1e-6"),
    "μs": Decimal("1e-6"),
    "ms": Decimal("1e-3"),
    "s": Decimal(1),
    "m": Decimal(60),
    "h": Decimal(3600),
}
_QUANTITY = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)")
_DURATION = re.compile(rf"([-+]?)(0|(?:{_QUANTITY.pattern})+)")


def parse_duration(text: str) -> int:
    """A Go duration ("10s", "1h2m", "1.5s") in whole seconds, halves away from zero. Raises ValueError."""
    parts = _DURATION.fullmatch(text)
    if parts is None:
        raise ValueError(f"{text!r} is not a duration")
    seconds = sum((Decimal(number) * _UNITS[unit] for number, unit in _QUANTITY.findall(parts[2])), Decimal(0))
    if seconds > _LONGEST_DURATION:
        raise ValueError(f"{text!r} is longer than any duration")
    whole = int(seconds.quantize(Decimal(1), ROUND_HALF_UP))
    return -whole if parts[1] == "-" else whole


# What parse_duration reads, but for the longest duration.
DURATION_PATTERN = rf"^{_DURATION.pattern}$"

_COMMUNITY = re.compile(r"[0-9]+(?::[0-9]+){1,2}")
_16_BITS = "([0-9]|[1-9][0-9]{1,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
_32_BITS = (
    "([0-9]|[1-9][0-9]{1,8}|[1-3][0-9]{9}|4[01][0-9]{8}|42[0-8][0-9]{7}|429[0-3][0-9]{6}|4294[0-8][0-9]{5}"
    "|42949[0-5][0-9]{4}|429496[0-6][0-9]{3}|4294967[01][0-9]{2}|42949672[0-8][0-9]|429496729[0-5])"
)
# Communities as parse_community returns them, and with the leading zeros that it takes away.
EXACT_COMMUNITY_PATTERN = f"^({_16_BITS}:{_16_BITS}|{_32_BITS}:{_32_BITS}:{_32_BITS})$"
COMMUNITY_PATTERN = f"^(0*{_16_BITS}:0*{_16_BITS}|0*{_32_BITS}:0*{_32_BITS}:0*{_32_BITS})$"


def parse_community(text: str) -> str:
    """ "aa:nn" (two numbers of 16 bits, RFC 1997) or "aa:nn:mm" (three of 32, RFC 8092), without leading zeros.

    Raises ValueError.
    """
    if not _COMMUNITY.fullmatch(text):
        raise ValueError(f"{text!r} is not a community")
    numbers = [int(part) for part in text.split(":")]
    if max(numbers) > (0xFFFF if len(numbers) == 2 else 0xFFFFFFFF):
        raise ValueError(f"{text!r} has a number that does not fit")
    return ":".join(map(str, numbers))


def is_community(text: str) -> bool:
    """Whether the text is a community, and not the name of one."""
    try:
        parse_community(text)
    except ValueError:
        return False
    return True


_WHITE_SPACE = re.compile(r"[ \t\r\n]+")
_MAC = re.compile(r"[0-9A-Fa-f]{2}(?:([:-])[0-9A-Fa-f]{2})(?:\1[0-9A-Fa-f]{2}){4}")


def parse_mac(text: str) -> str:
    """Six octets in lower case with colons between them. Raises ValueError."""
    if not _MAC.fullmatch(text):
        raise ValueError(f"{text!r} is not a MAC address")
    return text.lower().replace("-", ":")


def decode_base64(text: str) -> bytes:
    """White space of ASCII may stand anywhere, as YAML folds long values. Raises ValueError."""
    try:
        return base64.b64decode(_WHITE_SPACE.sub("", text), validate=True)
    except ValueError as error:
        raise ValueError("not base64") from error


def parse_wireguard_key(text: str) -> str:
    """A Curve25519 key: 32 octets in base64. Raises ValueError."""
    key = decode_base64(text)
    if len(key) != 32:
        raise ValueError(f"{len(key)} octets")
    return text
