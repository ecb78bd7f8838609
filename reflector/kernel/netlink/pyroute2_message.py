"""Octets of pyroute2's message classes, and their messages of octets.

pyroute2 knows every attribute of links, addresses and neighbours by name; what it costs is written down in
docs/decisions/0003-batched-route-writes.md. So only the modules for tunnels import it, and nothing that the speaker
does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyroute2.netlink import nlmsg

from reflector.kernel.netlink.message import HEADER

# The name of an attribute and its value; nested ones are {"attrs": [...]}.
Attributes = Sequence[tuple[str, Any]]


def body_of(message: nlmsg, attributes: Attributes = ()) -> bytes:
    """The payload, without the header."""
    message["attrs"] = list(attributes)
    message.encode()
    return bytes(message.data[HEADER.size :])


def message_of(kind: type[nlmsg], body: bytes) -> nlmsg:
    """The message with this payload, decoded."""
    message = kind(HEADER.pack(HEADER.size + len(body), 0, 0, 0, 0) + body)
    message.decode()
    return message
