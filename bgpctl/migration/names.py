"""Names of Calico v1 as names of v3, which are lower-case letters, digits, '-' and '.'.

    lower case; '/' is '.'; any run of other characters is '-'; a run of '-' and '.' with a '.' in it is '.';
    no '-' or '.' at either end

A node's name is only that: two that become the same are a clash. Any other name that changed gets the beginning of the
SHA-1 of what it was, so that two never become one.
"""

from __future__ import annotations

import hashlib
import re
from ipaddress import IPv6Address

from reflector.addresses import Address

_OTHERS = re.compile(r"[^-.a-z0-9]+")
_WITH_DOT = re.compile(r"[.-]*\.[.-]*")
_ENDS = ".-"
_SEPARATORS = re.compile(r"[.:/]")
DIGITS = 8


def node_name(name: str) -> str:
    """ "Node_A.example" -> "node-a.example"; "" where no letter or digit is left."""
    return _WITH_DOT.sub(".", _OTHERS.sub("-", name.lower().replace("/", "."))).strip(_ENDS)


def qualified_name(name: str) -> str:
    """Of a profile or a host endpoint: "My_Name" -> "my-name-96a54929"."""
    return _qualified(name, node_name(name))


def qualified_name_without_dots(name: str) -> str:
    """Of a policy."""
    return _qualified(name, node_name(name).replace(".", "-"))


def address_name(address: Address) -> str:
    """10.0.0.1 -> "10-0-0-1"; IPv6 with all its digits, "00aa-00bb-0000-0000-0000-0000-0000-0000"."""
    return str(address.exploded if isinstance(address, IPv6Address) else address).translate({46: "-", 58: "-"})


def network_name(cidr: str) -> str:
    """ "10.0.0.0/16" -> "10-0-0-0-16"."""
    return _SEPARATORS.sub("-", cidr)


def _qualified(name: str, made: str) -> str:
    if made == name:
        return name
    digest = hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()
    return f"{made}-{digest[:DIGITS]}"
