"""How addresses are looked for that the Node does not have: by options, or by the environment variables of calico-node.

| IPv4 | IPv6 | means |
|---|---|---|
| ip-autodetection METHOD | ip6-autodetection METHOD | by this method |
| ip-autodetection none | ip6-autodetection none | never |
| IP=autodetect | IP6=autodetect | by IP_AUTODETECTION_METHOD, IP6_AUTODETECTION_METHOD, else first-found |
| IP=none | IP6=none | never |
| IP=10.0.0.1/24 | IP6=fd00::1/64 | this address |
| nothing but IP_AUTODETECTION_METHOD | - | by this method |
| nothing | - | first-found, for a Node without any address |
| - | nothing, or nothing but IP6_AUTODETECTION_METHOD | never, as in Calico |

The order of precedence is that of all options (configuration/read.py); an address in the Node goes before all of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_interface
from typing import Annotated

from bgpctl.agent.autodetection.method import FIRST_FOUND, Method, MethodError, given_address, parse_method
from bgpctl.configuration.option import Option, Variables
from reflector.plan import Family

NONE = "none"
AUTODETECT = "autodetect"
ADDRESS_VARIABLES: dict[Family, str] = {4: "IP", 6: "IP6"}
METHOD_VARIABLES: dict[Family, str] = {4: "IP_AUTODETECTION_METHOD", 6: "IP6_AUTODETECTION_METHOD"}


@dataclass(frozen=True, slots=True)
class Detection:
    """How to find the address of one family; `method` None: never. `asked`: an operator asks for it; otherwise only a
    Node without any address gets one."""

    method: Method | None
    asked: bool = True


NEVER = Detection(None)
BY_DEFAULT = Detection(FIRST_FOUND, asked=False)


def _parse(text: str) -> Detection:
    return NEVER if text == NONE else Detection(parse_method(text))


def _from_environment(family: Family, environment: Mapping[str, str]) -> Detection | None:
    """None where the variables set nothing. Raises ValueError that names the variable."""
    variable = METHOD_VARIABLES[family]
    method = environment.get(variable, "").strip()
    address = environment.get(ADDRESS_VARIABLES[family], "").strip()
    if address == NONE:
        return NEVER
    if address and address != AUTODETECT:
        return Detection(_given_address(family, address))
    if not address and (family == 6 or not method):
        return None
    return Detection(_method(variable, method) if method else FIRST_FOUND)


def _variables(family: Family) -> Variables:
    return Variables((ADDRESS_VARIABLES[family], METHOD_VARIABLES[family]), partial(_from_environment, family))


@dataclass(frozen=True)
class DetectionSettings:
    """Both families."""

    ip_autodetection: Annotated[
        Detection,
        Option(
            "How to find an IPv4 address that the Node does not have: first-found, can-reach=DESTINATION, "
            "interface=REGEX,..., skip-interface=REGEX,..., cidr=CIDR,..., kubernetes-internal-ip, or none.",
            parse=_parse,
            metavar="METHOD",
            default="first-found, if the Node has no address at all",
            variables=_variables(4),
        ),
    ] = BY_DEFAULT
    ip6_autodetection: Annotated[
        Detection,
        Option(
            "The same for IPv6.",
            parse=_parse,
            metavar="METHOD",
            default="none",
            variables=_variables(6),
        ),
    ] = NEVER

    @property
    def methods(self) -> Mapping[Family, Method]:
        """Of the families that are looked for at all."""
        return {family: each.method for family, each in self._families.items() if each.method is not None}

    def asks_for(self, family: Family) -> bool:
        return self._families[family].asked

    @property
    def _families(self) -> dict[Family, Detection]:
        return {4: self.ip_autodetection, 6: self.ip6_autodetection}


def _method(variable: str, text: str) -> Method:
    try:
        return parse_method(text)
    except MethodError as error:
        raise ValueError(f"{variable}: {error}") from None


def _given_address(family: Family, text: str) -> Method:
    variable = ADDRESS_VARIABLES[family]
    try:
        address = ip_interface(text)
    except ValueError:
        raise ValueError(f"{variable}: {text!r} is neither an address nor {AUTODETECT} nor {NONE}") from None
    if address.version != family:
        raise ValueError(f"{variable}: {text!r} is not an IPv{family} address")
    return given_address(variable, str(address) if "/" in text else str(address.ip))
