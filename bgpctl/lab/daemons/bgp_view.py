"""What can be asked of any node that speaks BGP, whatever program it runs.

The rule: every daemon's answer has one form, so that one expectation holds for all of them. An answer is None while the
daemon does not answer; an empty one means that it has nothing. Nothing is asked before a method is called.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Session:
    """`peer` is the node at the other end, or its address when that is no node of the lab."""

    peer: str
    state: str


@dataclass(frozen=True, slots=True)
class BgpRoute:
    """The best route of a prefix, received or the node's own (`next_hop` is "" then).

    as_path       AS numbers with a space between them, sets in braces; "" for a route from the own AS
    local_pref    None where the daemon does not show it
    communities   sorted texts: "aa:nn" (RFC 1997), "aa:nn:mm" (RFC 8092), "rt:aa:nn" (RFC 4360)
    stale         its peer is away (RFC 4724, RFC 9494); False where the daemon does not show it
    """

    prefix: str
    next_hop: str
    as_path: str = ""
    local_pref: int | None = None
    communities: tuple[str, ...] = ()
    stale: bool = False


class BgpView(Protocol):
    """One node, to be asked as often as one likes."""

    def sessions(self) -> tuple[Session, ...] | None:
        """Its peers by node name where that is known, otherwise by address; states in the words of RFC 4271 8.2.2."""

    def routes(self) -> tuple[BgpRoute, ...] | None:
        """The best route of each IPv4 and IPv6 prefix, in the order of the prefixes."""
