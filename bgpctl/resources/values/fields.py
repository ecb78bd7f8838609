"""The types of single fields: what values a field may have, by one Annotated type each.

Every type refuses with a stable code and a sentence about what is expected. Texts for which "" means "unset"
let it pass. Bounds are those of the CRD schemas; forms are those of the Go validators where stricter.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from bgpctl.resources.values.notations import (
    COMMUNITY_PATTERN,
    DURATION_PATTERN,
    EXACT_COMMUNITY_PATTERN,
    parse_as_number,
    parse_community,
    parse_duration,
    parse_mac,
    parse_wireguard_key,
)
from bgpctl.resources.values.patterns import (
    ANNOTATION_KEY_PATTERN,
    EXPECTED,
    INTERFACE_PATTERN,
    LABEL_KEY_PATTERN,
    LABEL_VALUE_PATTERN,
    LOG_LEVEL_PATTERN,
    NAME_PATTERN,
    OPTIONAL_INTERFACE_PATTERN,
    OPTIONAL_NAME_PATTERN,
    SOME_INTERFACES_PATTERN,
)
from bgpctl.resources.values.selector import MAX_LENGTH, SELECTOR_PATTERN, SelectorError, parse_selector
from bgpctl.resources.values.served import served, served_rule
from bgpctl.yaml_source.scalars import scalar_text
from reflector import addresses

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


def _cluster_ip(text: str) -> str:
    return text if text == HEADLESS else _address(text)


_interface_address = addresses.parse_interface_address

# What a headless service has in place of an address of the cluster.
HEADLESS = "None"
MASKED = "with no bits set behind the prefix length"
PEER_IP_FORM = 'an address, "IPv4:port" or "[IPv6]:port" with a port of 1 to 65535'
_LONGEST_ADDRESS = len("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255")
_LONGEST_CIDR = _LONGEST_ADDRESS + len("/128")
_IS_PORT = "int({0}) >= 1 && int({0}) <= 65535"
_IS_PEER_V4 = "self.matches('^[0-9.]+:[0-9]{1,5}$') && isIP(self.split(':')[0]) && " + _IS_PORT.format(
    "self.split(':')[1]"
)
_IS_PEER_V6 = (
    r"self.matches('^\\[[0-9a-fA-F:.]+\\]:[0-9]{1,5}$') && isIP(self.substring(1, self.indexOf(']')))"
    " && ip(self.substring(1, self.indexOf(']'))).family() == 6 && " + _IS_PORT.format("self.split(']:')[1]")
)


def _is(kind: str, family: int) -> str:
    address = "ip(self)" if kind == "IP" else "cidr(self).ip()"
    return f"is{kind}(self) && {address}.family() == {family}"


_IS_MASKED = "cidr(self).masked() == cidr(self)"

IPAddress = Annotated[
    str,
    _text("not-an-address", "an IP address", _address),
    served_rule("isIP(self)", "an IP address", _LONGEST_ADDRESS),
]
ClusterIP = Annotated[str, _text("not-an-address", f'an IP address or "{HEADLESS}"', _cluster_ip)]
IPv4Address = Annotated[
    str,
    _text("not-an-address", "an IPv4 address", _in_family(_address, 4)),
    served_rule(_is("IP", 4), "an IPv4 address", _LONGEST_ADDRESS),
]
IPv6Address = Annotated[
    str,
    _text("not-an-address", "an IPv6 address", _in_family(_address, 6)),
    served_rule(_is("IP", 6), "an IPv6 address", _LONGEST_ADDRESS),
]
IPv4Interface = Annotated[
    str, _text("not-an-address", "an IPv4 address, with or without /length", _in_family(_interface_address, 4))
]
IPv6Interface = Annotated[
    str, _text("not-an-address", "an IPv6 address, with or without /length", _in_family(_interface_address, 6))
]
PeerIP = Annotated[
    str,
    Field(max_length=64),
    _text("not-a-peer-address", PEER_IP_FORM, _peer_ip),
    served_rule(f"isIP(self) || ({_IS_PEER_V4}) || ({_IS_PEER_V6})", PEER_IP_FORM, 64),
]
CIDR = Annotated[
    str,
    _text("not-a-cidr", "a CIDR such as 10.0.0.0/16", _cidr),
    served_rule("isCIDR(self)", "a CIDR such as 10.0.0.0/16", _LONGEST_CIDR),
]
MaskedCIDR = Annotated[
    str,
    _text("not-a-cidr", f"a CIDR {MASKED}", _network),
    served_rule(f"isCIDR(self) && {_IS_MASKED}", f"a CIDR {MASKED}", _LONGEST_CIDR),
]
MaskedCIDRv4 = Annotated[
    str,
    Field(max_length=18),
    _text("not-a-cidr", f"an IPv4 CIDR {MASKED}", _in_family(_network, 4)),
    served_rule(f"{_is('CIDR', 4)} && {_IS_MASKED}", f"an IPv4 CIDR {MASKED}", 18),
]
MaskedCIDRv6 = Annotated[
    str,
    Field(max_length=43),
    _text("not-a-cidr", f"an IPv6 CIDR {MASKED}", _in_family(_network, 6)),
    served_rule(f"{_is('CIDR', 6)} && {_IS_MASKED}", f"an IPv6 CIDR {MASKED}", 43),
]

# ------------------------------------------------------------------------------------------- numbers

MAX_ROUTE_PRIORITY = 2147483646
AsNumber = Annotated[int, Field(ge=0, le=4294967295)]
Port = Annotated[int, Field(ge=1, le=65535)]
UInt8 = Annotated[int, Field(ge=0, le=255)]
Int32 = Annotated[int, Field(ge=-2147483648, le=2147483647)]
RoutePriority = Annotated[int, Field(ge=1, le=MAX_ROUTE_PRIORITY)]
MTU = Annotated[int, Field(ge=0, le=65535)]


def _as_number(value: Any) -> Any:
    """What is not text is left to the next check."""
    if not isinstance(value, str):
        return value
    try:
        return parse_as_number(value)
    except ValueError as error:
        raise refuse("not-an-as-number", str(error)) from error


# Calico takes AS numbers as text everywhere, asdot as well; a Kubernetes Node has one in an annotation.
AsNumberOrText = Annotated[AsNumber, BeforeValidator(_as_number)]

# ------------------------------------------------------------------------------------------ durations


def _seconds(value: Any) -> int:
    if isinstance(value, str):
        try:
            return parse_duration(value)
        except ValueError:
            pass
    raise refuse("not-a-duration", f'{value!r} is not a duration; write text with units such as "90s" or "2m"')


Seconds = Annotated[int, BeforeValidator(_seconds), served(type="string", pattern=DURATION_PATTERN, maxLength=64)]

# ---------------------------------------------------------------------------------------- communities


def _exact_community(text: str) -> str:
    if parse_community(text) != text:
        raise ValueError(f"{text!r} has leading zeros")
    return text


COMMUNITY_FORM = "a community: aa:nn with numbers up to 65535, or aa:nn:mm with numbers up to 4294967295"
CommunityValue = Annotated[
    str,
    Field(min_length=1, max_length=40),
    _text("not-a-community", COMMUNITY_FORM, parse_community),
    served(pattern=COMMUNITY_PATTERN),
]
ExactCommunity = Annotated[
    str,
    Field(min_length=1, max_length=32),
    _text("not-a-community", f"{COMMUNITY_FORM}, without leading zeros", _exact_community),
    served(pattern=EXACT_COMMUNITY_PATTERN),
]

# ---------------------------------------------------------------------------------------------- names

Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN, max_length=253)]
LabelKey = Annotated[str, StringConstraints(pattern=LABEL_KEY_PATTERN, max_length=317)]
AnnotationKey = Annotated[str, StringConstraints(pattern=ANNOTATION_KEY_PATTERN, max_length=317)]
LogLevel = Annotated[str, StringConstraints(pattern=LOG_LEVEL_PATTERN)]
InterfaceGlob = Annotated[str, StringConstraints(pattern=INTERFACE_PATTERN)]
OptionalInterfaceGlob = Annotated[str, StringConstraints(pattern=OPTIONAL_INTERFACE_PATTERN)]


LabelValue = Annotated[str, StringConstraints(pattern=LABEL_VALUE_PATTERN), BeforeValidator(scalar_text)]
AnnotationValue = Annotated[str, BeforeValidator(scalar_text)]


def _optional_name(value: str) -> str:
    if value and not re.fullmatch(NAME_PATTERN, value):
        raise refuse("not-a-name", f"{value!r} is not a name: expected {EXPECTED[NAME_PATTERN]}")
    return value


OptionalName = Annotated[
    str, Field(max_length=253), AfterValidator(_optional_name), served(pattern=OPTIONAL_NAME_PATTERN)
]


def _selector(value: str) -> str:
    try:
        parse_selector(value)
    except SelectorError as error:
        raise refuse("bad-selector", f"{value!r} is not a selector: {error}") from error
    return value


SelectorText = Annotated[
    str,
    Field(max_length=MAX_LENGTH),
    AfterValidator(_selector),
    # A rule, because of its message: a pattern that is not matched is shown whole.
    served_rule(f'self.matches(r"""{SELECTOR_PATTERN}""")', "a selector such as \"role == 'worker'\"", MAX_LENGTH),
]


def _without_all_interfaces(value: str) -> str:
    if value == "*":
        raise refuse("all-interfaces", "'*' would ignore every interface; name them or write a pattern")
    return value


IgnoredInterface = Annotated[
    InterfaceGlob, AfterValidator(_without_all_interfaces), served(pattern=SOME_INTERFACES_PATTERN)
]

# --------------------------------------------------------------------------------------- other forms

MACAddress = Annotated[str, _text("not-a-mac-address", "a MAC address such as 66:aa:bb:00:11:22", parse_mac)]
WireguardKey = Annotated[str, _text("not-a-wireguard-key", "32 octets in base64", parse_wireguard_key)]


def _distinct(values: tuple[T, ...]) -> tuple[T, ...]:
    if len(set(values)) != len(values):
        raise refuse("duplicate-value", "the same value is here twice; remove one")
    return values


# For use inside Annotated[tuple[...], DISTINCT, SET]: no value twice, and the schema calls the list a set.
DISTINCT = AfterValidator(_distinct)
SET = served(maxItems=100, **{"x-kubernetes-list-type": "set"})
