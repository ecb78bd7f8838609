"""What an operator asked for: in options, or in the environment variables of calico-node.

| IPv4 | IPv6 | means |
|---|---|---|
| --ip-autodetection METHOD | --ip6-autodetection METHOD | choose so |
| --ip-autodetection none | --ip6-autodetection none | never |
| IP=autodetect | IP6=autodetect | by IP_AUTODETECTION_METHOD, IP6_AUTODETECTION_METHOD, else first-found |
| IP=none | IP6=none | never |
| IP=10.0.0.1/24 | IP6=fd00::1/64 | this address |
| nothing but IP_AUTODETECTION_METHOD | - | choose so |
| nothing | - | first-found, for a Node without any address |
| - | nothing, or nothing but IP6_AUTODETECTION_METHOD | never, as in Calico |

An option stands above the environment, and an address in the Node above both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_interface
from typing import TYPE_CHECKING

from bgpctl.agent.autodetection.method import FIRST_FOUND, Method, MethodError, parse_method, said_address
from bgpctl.errors import NotReadyError

if TYPE_CHECKING:
    from reflector.plan import Family

NONE = "none"
AUTODETECT = "autodetect"
ADDRESS_VARIABLES: dict[Family, str] = {4: "IP", 6: "IP6"}
METHOD_VARIABLES: dict[Family, str] = {4: "IP_AUTODETECTION_METHOD", 6: "IP6_AUTODETECTION_METHOD"}
OPTIONS: dict[Family, str] = {4: "--ip-autodetection", 6: "--ip6-autodetection"}


@dataclass(frozen=True, slots=True)
class Wish:
    """How to find the address of one family. `asked`: somebody said so; else only a Node without any address gets
    one."""

    method: Method
    asked: bool = True


@dataclass(frozen=True)
class DetectionSettings:
    """The wish of each family that is looked for."""

    wishes: Mapping[Family, Wish] = field(default_factory=lambda: {4: Wish(FIRST_FOUND, asked=False)})


def detection_settings(options: Mapping[Family, str], environment: Mapping[str, str]) -> DetectionSettings:
    """Out of the options ("" where none was given) and the environment. Raises NotReadyError for what makes no
    sense, saying where it was said."""
    wishes = {family: _wish(family, options.get(family, ""), environment) for family in OPTIONS}
    return DetectionSettings({family: wish for family, wish in wishes.items() if wish is not None})


def _wish(family: Family, option: str, environment: Mapping[str, str]) -> Wish | None:
    if option:
        return None if option == NONE else Wish(_method(OPTIONS[family], option))
    variable = METHOD_VARIABLES[family]
    method = environment.get(variable, "").strip()
    address = environment.get(ADDRESS_VARIABLES[family], "").strip()
    if address == NONE:
        return None
    if address and address != AUTODETECT:
        return Wish(_said(family, address))
    if not address and family == 6:
        return None
    return Wish(_method(variable, method) if method else FIRST_FOUND, asked=bool(address or method))


def _method(where: str, text: str) -> Method:
    try:
        return parse_method(text)
    except MethodError as error:
        raise NotReadyError(f"{where}: {error}") from None


def _said(family: Family, text: str) -> Method:
    variable = ADDRESS_VARIABLES[family]
    try:
        address = ip_interface(text)
    except ValueError:
        raise NotReadyError(f"{variable}: {text!r} is neither an address nor {AUTODETECT} nor {NONE}") from None
    if address.version != family:
        raise NotReadyError(f"{variable}: {text!r} is no IPv{family} address")
    return said_address(variable, str(address) if "/" in text else str(address.ip))
