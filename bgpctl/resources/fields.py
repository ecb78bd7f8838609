"""The types of single fields: what values a field may have, by one Annotated type each.

Every type refuses with a stable code and a sentence that says what is expected. Texts for which "" means "unset"
let it pass. Bounds are those of the CRD schemas; forms are those of the Go validators where stricter.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from bgpctl.resources import addresses
from bgpctl.resources.selector import MAX_LENGTH, SelectorError, parse_selector

T = TypeVar("T")


def refuse(code: str, message: str) -> PydanticCustomError:
    """The error that becomes a Problem with this code; braces in the message stay as they are."""
    return PydanticCustomError(code, "{message}", {"message": message})


def _text(code: str, expected: str, parse: Callable[[str], str]) -> AfterValidator:
    """A validator for text that `parse` turns into canonical text or refuses with ValueError; "" stays ""."""

    def validate(value: str) -> str:
        if not value:
            return value
        try:
            return parse(value)
        except ValueError as error:
            raise refuse(code, f"{value!r} is not {expected}") from error

    return AfterValidator(validate)


def _in_family(parse: Callable[[str], str], family: int) -> Callable[[str], str]:
    def parse_in_family(text: str) -> str:
        found = parse(text)
        if addresses.family_of(found) != family:
            raise ValueError(f"{text!r} is of the other family")
        return found

    return parse_in_family


# ----------------------------------------------------------------------------------------- addresses


def _address(text: str) -> str:
    return str(addresses.parse_address(text))


def _network(text: str) -> str:
    return str(addresses.parse_network(text))


def _cidr(text: str) -> str:
    return str(addresses.parse_cidr(text)[1])


def _peer_ip(text: str) -> str:
    addresses.parse_peer_ip(text)
    return text


_interface_address = addresses.parse_interface_address

MASKED = "with no bits set behind the prefix length"
IPAddress = Annotated[str, _text("not-an-address", "an IP address", _address)]
IPv4Address = Annotated[str, _text("not-an-address", "an IPv4 address", _in_family(_address, 4))]
IPv6Address = Annotated[str, _text("not-an-address", "an IPv6 address", _in_family(_address, 6))]
IPv4Interface = Annotated[
    str, _text("not-an-address", "an IPv4 address, with or without /length", _in_family(_interface_address, 4))
]
IPv6Interface = Annotated[
    str, _text("not-an-address", "an IPv6 address, with or without /length", _in_family(_interface_address, 6))
]
PeerIP = Annotated[
    str,
    Field(max_length=64),
    _text("not-a-peer-address", 'an address, "IPv4:port" or "[IPv6]:port" with a port of 1 to 65535', _peer_ip),
]
CIDR = Annotated[str, _text("not-a-cidr", "a CIDR such as 10.0.0.0/16", _cidr)]
MaskedCIDR = Annotated[str, _text("not-a-cidr", f"a CIDR {MASKED}", _network)]
MaskedCIDRv4 = Annotated[
    str, Field(max_length=18), _text("not-a-cidr", f"an IPv4 CIDR {MASKED}", _in_family(_network, 4))
]
MaskedCIDRv6 = Annotated[
    str, Field(max_length=43), _text("not-a-cidr", f"an IPv6 CIDR {MASKED}", _in_family(_network, 6))
]

# ------------------------------------------------------------------------------------------- numbers

MAX_ROUTE_PRIORITY = 2147483646
AsNumber = Annotated[int, Field(ge=0, le=4294967295)]
Port = Annotated[int, Field(ge=1, le=65535)]
UInt8 = Annotated[int, Field(ge=0, le=255)]
Int32 = Annotated[int, Field(ge=-2147483648, le=2147483647)]
RoutePriority = Annotated[int, Field(ge=1, le=MAX_ROUTE_PRIORITY)]
MTU = Annotated[int, Field(ge=0, le=65535)]

_AS_TEXT = re.compile(r"(?:(?P<high>[0-9]{1,5})\.)?(?P<low>[0-9]{1,10})")


def _as_number(value: Any) -> Any:
    """Text as RFC 5396 writes it: asplain "65001" or asdot "1.10". What is not text is left to the next check."""
    if not isinstance(value, str):
        return value
    parts = _AS_TEXT.fullmatch(value)
    if parts is None:
        raise refuse("not-an-as-number", f"{value!r} is not an AS number")
    low = int(parts["low"])
    if parts["high"] is None:
        return low
    high = int(parts["high"])
    if max(high, low) > 65535:
        raise refuse("not-an-as-number", f"{value!r}: both halves of an AS number with a dot are 0 to 65535")
    return high << 16 | low


# Node is not a CRD in Kubernetes, where its AS number is the text of an annotation.
AsNumberOrText = Annotated[AsNumber, BeforeValidator(_as_number)]

# ------------------------------------------------------------------------------------------ durations

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
    whole = int(seconds.quantize(Decimal(1), ROUND_HALF_UP))
    return -whole if parts[1] == "-" else whole


def _seconds(value: Any) -> int:
    if isinstance(value, str):
        try:
            return parse_duration(value)
        except ValueError:
            pass
    raise refuse("not-a-duration", f'{value!r} is not a duration; write text with units such as "90s" or "2m"')


Seconds = Annotated[int, BeforeValidator(_seconds)]

# ---------------------------------------------------------------------------------------- communities

_COMMUNITY = re.compile(r"[0-9]+(?::[0-9]+){1,2}")


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
    try:
        parse_community(text)
    except ValueError:
        return False
    return True


def _exact_community(text: str) -> str:
    if parse_community(text) != text:
        raise ValueError(f"{text!r} has leading zeros")
    return text


COMMUNITY_FORM = "a community: aa:nn with numbers up to 65535, or aa:nn:mm with numbers up to 4294967295"
CommunityValue = Annotated[
    str, Field(min_length=1, max_length=40), _text("not-a-community", COMMUNITY_FORM, parse_community)
]
ExactCommunity = Annotated[
    str,
    Field(min_length=1, max_length=32),
    _text("not-a-community", f"{COMMUNITY_FORM}, without leading zeros", _exact_community),
]

# ---------------------------------------------------------------------------------------------- names

NAME_PATTERN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"


def _key_pattern(letters: str) -> str:
    """[domain/]name, where the domain is made of these letters, digits, '-' and '.'."""
    part = rf"[{letters}0-9]([-{letters}0-9]*[{letters}0-9])?"
    return rf"^({part}(\.{part})*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{{0,61}}[A-Za-z0-9])?$"


# The domain of an annotation may have capitals, the domain of a label may not.
LABEL_KEY_PATTERN = _key_pattern("a-z")
ANNOTATION_KEY_PATTERN = _key_pattern("a-zA-Z")
LABEL_VALUE_PATTERN = r"^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$"
INTERFACE_PATTERN = r"^[a-zA-Z0-9_.*-]{1,15}$"
OPTIONAL_INTERFACE_PATTERN = r"^[a-zA-Z0-9_.*-]{0,15}$"
LOG_LEVEL_PATTERN = r"^(?i:trace|debug|info|warning|error|fatal)?$"

INTERFACE_FORM = "an interface name of at most 15 letters, digits, '_', '.' and '-'; '*' is a wildcard"

# What a text that does not fit should have been, by the pattern that it does not fit.
EXPECTED = {
    NAME_PATTERN: "lower-case letters, digits, '-' and '.', with a letter or digit at both ends",
    LABEL_KEY_PATTERN: "a label: [lower-case domain/]name, the name at most 63 letters, digits, '-', '_' and '.'",
    ANNOTATION_KEY_PATTERN: "an annotation: [domain/]name, the name at most 63 letters, digits, '-', '_' and '.'",
    LABEL_VALUE_PATTERN: "a label value: at most 63 letters, digits, '-', '_' and '.', "
    "with a letter or digit at both ends",
    INTERFACE_PATTERN: INTERFACE_FORM,
    OPTIONAL_INTERFACE_PATTERN: INTERFACE_FORM,
    LOG_LEVEL_PATTERN: "one of Trace, Debug, Info, Warning, Error, Fatal",
}

Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN, max_length=253)]
LabelKey = Annotated[str, StringConstraints(pattern=LABEL_KEY_PATTERN, max_length=317)]
AnnotationKey = Annotated[str, StringConstraints(pattern=ANNOTATION_KEY_PATTERN, max_length=317)]
LogLevel = Annotated[str, StringConstraints(pattern=LOG_LEVEL_PATTERN)]
InterfaceGlob = Annotated[str, StringConstraints(pattern=INTERFACE_PATTERN)]
OptionalInterfaceGlob = Annotated[str, StringConstraints(pattern=OPTIONAL_INTERFACE_PATTERN)]


def scalar_text(value: Any) -> Any:
    """Booleans and numbers as Kubernetes writes them where text is wanted: yes -> "true", 1.10 -> "1.1"."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return format(value, ".17g") if float(format(value, ".15g")) != value else format(value, ".15g")
    if value is None:
        return ""
    return str(value) if isinstance(value, int) else value


LabelValue = Annotated[str, StringConstraints(pattern=LABEL_VALUE_PATTERN), BeforeValidator(scalar_text)]
AnnotationValue = Annotated[str, BeforeValidator(scalar_text)]


def _optional_name(value: str) -> str:
    if value and not re.fullmatch(NAME_PATTERN, value):
        raise refuse("not-a-name", f"{value!r} is no name: expected {EXPECTED[NAME_PATTERN]}")
    return value


OptionalName = Annotated[str, Field(max_length=253), AfterValidator(_optional_name)]


def _selector(value: str) -> str:
    try:
        parse_selector(value)
    except SelectorError as error:
        raise refuse("bad-selector", f"{value!r} is not a selector: {error}") from error
    return value


SelectorText = Annotated[str, Field(max_length=MAX_LENGTH), AfterValidator(_selector)]


def _without_all_interfaces(value: str) -> str:
    if value == "*":
        raise refuse("all-interfaces", "'*' would ignore every interface; name them or write a pattern")
    return value


IgnoredInterface = Annotated[InterfaceGlob, AfterValidator(_without_all_interfaces)]

# --------------------------------------------------------------------------------------- other forms

_MAC = re.compile(r"[0-9A-Fa-f]{2}(?:([:-])[0-9A-Fa-f]{2})(?:\1[0-9A-Fa-f]{2}){4}")


def _mac(text: str) -> str:
    if not _MAC.fullmatch(text):
        raise ValueError(f"{text!r} is not a MAC address")
    return text.lower().replace("-", ":")


def _wireguard_key(text: str) -> str:
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error
    if len(key) != 32:
        raise ValueError(f"{len(key)} octets")
    return text


MACAddress = Annotated[str, _text("not-a-mac-address", "a MAC address such as 66:aa:bb:00:11:22", _mac)]
WireguardKey = Annotated[str, _text("not-a-wireguard-key", "32 octets in base64", _wireguard_key)]


def _distinct(values: tuple[T, ...]) -> tuple[T, ...]:
    if len(set(values)) != len(values):
        raise refuse("duplicate-value", "the same value stands here twice; remove one")
    return values


# For use inside Annotated[tuple[...], DISTINCT]: the schema calls these lists sets.
DISTINCT = AfterValidator(_distinct)
