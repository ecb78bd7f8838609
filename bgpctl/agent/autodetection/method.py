"""How a node's address is chosen, as operators write it: the methods of Calico's IP_AUTODETECTION_METHOD.

    first-found                  the first usable address, interfaces of containers and tunnels aside
    can-reach=DESTINATION        the kernel's source address towards DESTINATION (an address or a name)
    interface=REGEX,...          the first usable address of an interface that one of these matches
    skip-interface=REGEX,...     first-found, without those interfaces as well
    cidr=CIDR,...                the first usable address inside one of these
    kubernetes-internal-ip       the InternalIP of this node in Kubernetes

Regular expressions match anywhere in the name unless they are anchored, as Calico's do.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network

# Names with these prefixes are excluded by first-found: Calico's list.
EXCLUDED_BY_DEFAULT = (
    "docker", "cbr", "dummy", "virbr", "lxcbr", "veth", "lo", "cali", "tunl", "flannel", "kube-ipvs", "cni",
    "vxlan.calico", "vxlan-v6.calico", "wireguard.cali", "wg-v6.cali", "nodelocaldns",
)  # fmt: skip


class MethodError(ValueError):
    """The text is not a method. One sentence."""


class Kind(StrEnum):
    FIRST_FOUND = "first-found"
    CAN_REACH = "can-reach"
    INTERFACE = "interface"
    SKIP_INTERFACE = "skip-interface"
    CIDR = "cidr"
    KUBERNETES_INTERNAL_IP = "kubernetes-internal-ip"
    # Not a method that is written: IP=10.0.0.1 is the address itself.
    GIVEN = "address"


WITHOUT_ARGUMENT = (Kind.FIRST_FOUND, Kind.KUBERNETES_INTERNAL_IP)


@dataclass(frozen=True, slots=True)
class Method:
    """`text` is how it was written. Of the rest only what the kind needs is there."""

    kind: Kind
    text: str
    destination: str = ""
    names: tuple[re.Pattern[str], ...] = ()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()

    def __str__(self) -> str:
        return self.text


FIRST_FOUND = Method(Kind.FIRST_FOUND, Kind.FIRST_FOUND.value)


def parse_method(text: str) -> Method:
    """Raises MethodError for anything else."""
    name, equals, argument = (part.strip() for part in text.strip().partition("="))
    kind = next((each for each in Kind if each.value == name and each is not Kind.GIVEN), None)
    if kind is None:
        known = ", ".join(each.value for each in Kind if each is not Kind.GIVEN)
        raise MethodError(f"{text!r} is not a method of address detection; there are {known}")
    if bool(equals) == (kind in WITHOUT_ARGUMENT) or (equals and not argument):
        wants = "takes no value" if kind in WITHOUT_ARGUMENT else f"needs a value, as in {kind.value}=..."
        raise MethodError(f"{text!r}: {kind.value} {wants}")
    return _with_argument(kind, text.strip(), argument)


def given_address(where: str, address: str) -> Method:
    """The method of a given address: canonical text, with or without a prefix length."""
    return Method(Kind.GIVEN, f"{where}={address}", destination=address)


def _with_argument(kind: Kind, text: str, argument: str) -> Method:
    parts = [part.strip() for part in argument.split(",")]
    try:
        match kind:
            case Kind.INTERFACE | Kind.SKIP_INTERFACE:
                return Method(kind, text, names=tuple(re.compile(part) for part in parts))
            case Kind.CIDR:
                return Method(kind, text, networks=tuple(ip_network(part, strict=False) for part in parts))
            case _:
                return Method(kind, text, destination=argument)
    except (ValueError, re.error) as error:
        raise MethodError(f"{text!r}: {error}") from None
