"""One size of the benchmark: how many clients, how many prefixes each, which family, and every address in it.

The reflector and the load sit on one link; the clients are addresses of their own behind the load, so that a thousand
of them are one neighbour to the reflector's kernel. One client more than are measured is configured: the late joiner.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Literal

from reflector.addresses import pack_address

Family = Literal[4, 6]

LOCAL_AS = 64512
CLUSTER_ID = "224.0.0.1"
ROUTER_ID = "172.31.0.1"
_FIRST_ROUTER_ID = ip_address("172.16.0.1")


@dataclass(frozen=True, slots=True)
class Link:
    """The addresses of one family. `clients` holds all client addresses, the first of them is `first_client`."""

    reflector: str
    load: str
    length: int
    clients: str
    first_client: str
    host_length: int
    pool: str


LINKS: dict[Family, Link] = {
    4: Link("172.31.0.1", "172.31.0.2", 30, "172.16.0.0/16", "172.16.0.1", 32, "10.0.0.0/8"),
    6: Link("fd00:31::1", "fd00:31::2", 64, "fd00:16::/64", "fd00:16::1", 128, "fd00:10::/64"),
}


@dataclass(frozen=True, slots=True)
class Case:
    clients: int
    prefixes: int
    family: Family = 4

    def __str__(self) -> str:
        return f"{self.clients}x{self.prefixes}" + (" IPv6" if self.family == 6 else "")

    @property
    def link(self) -> Link:
        return LINKS[self.family]

    @property
    def configured(self) -> int:
        """Clients that the reflector is configured for."""
        return self.clients + 1

    @property
    def late_joiner(self) -> int:
        return self.clients

    def address(self, client: int) -> str:
        return str(ip_address(self.link.first_client) + client)

    def router_id(self, client: int) -> bytes:
        return (_FIRST_ROUTER_ID + client).packed

    def addresses(self) -> list[str]:
        return [self.address(client) for client in range(self.configured)]

    def keys(self, client: int) -> list[bytes]:
        """The client's NLRI: /26 or /122 blocks of the pool, as a cluster has them; no two clients share one."""
        first = client * self.prefixes
        return [self.key(number) for number in range(first, first + self.prefixes)]

    def key(self, number: int) -> bytes:
        if self.family == 4:
            return bytes((26,)) + ((10 << 24) + (number << 6)).to_bytes(4, "big")
        return bytes((122,)) + pack_address("fd00:10::")[:12] + (number << 6).to_bytes(4, "big")


def parse_case(text: str, family: Family) -> Case:
    """ "100x10" as a case. Raises ValueError for another shape, or for more prefixes than the load can number."""
    clients, _, prefixes = text.partition("x")
    case = Case(int(clients), int(prefixes), family)
    if case.clients < 2 or case.prefixes < 1 or case.configured * case.prefixes > 1 << 18:
        raise ValueError(f"{text}: at least 2 clients, and at most {1 << 18} prefixes with the late joiner's")
    return case
