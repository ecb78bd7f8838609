"""A path: everything about a route but its prefix.

Rule: one object for all prefixes that came with the same attributes from the same peer, so that the tables hold a
reference a prefix and identity is equality. What was received stays beside what import made of it, so that a new
policy is a new evaluation and not a route refresh.
"""

from __future__ import annotations

from reflector.plan import DEFAULT_LOCAL_PREF, Family, RouteSource, SessionType
from reflector.rib.next_hop import NextHop
from reflector.rib.path_identifier import OWN
from reflector.session.relation import Relation
from reflector.session.sender import Sender
from reflector.verdict import RouteVerdict
from reflector.wire.attributes import PathAttributes


class Path:
    """received    attributes as the peer sent them (of a local route: as originated)
    attributes     after import; None if the path was not accepted
    verdict        ACCEPTED, or why not; `rule` names the policy rule
    next_hop       its next hop as the kernel sees it (next_hops), None where that is not asked; `imported` are then the
                   attributes after import also while the next hop is unresolvable
    sender         None for a route of this node
    next_hop_self  an import policy wants us as the next hop in what is advertised of the route
    path_id        the peer's path identifier (RFC 7911), 0 without add-path
    identifier     ours towards add-path peers: it stands for the peer and path_id; see path_identifier.py
    exports        what update groups made of this path, by (export view, prefix class); see export.py
    """

    __slots__ = (
        "__weakref__",
        "attributes",
        "exports",
        "family",
        "identifier",
        "imported",
        "interface",
        "next_hop",
        "next_hop_self",
        "path_id",
        "received",
        "rule",
        "sender",
        "source",
        "verdict",
    )

    def __init__(
        self,
        sender: Sender | None,
        family: Family,
        received: PathAttributes,
        attributes: PathAttributes | None,
        verdict: RouteVerdict = RouteVerdict.ACCEPTED,
        rule: str = "",
    ) -> None:
        self.sender = sender
        self.family = family
        self.received = received
        self.attributes = attributes
        self.verdict = verdict
        self.rule = rule
        self.imported: PathAttributes | None = None
        self.next_hop: NextHop | None = None
        self.path_id = 0
        self.identifier = OWN
        self.next_hop_self = False
        self.source = RouteSource.BGP
        self.interface = ""
        self.exports: dict[tuple[int, int], object] = {}

    def is_equivalent_to(self, other: Path) -> bool:
        """The other path of the same peer makes no difference to a route that has it."""
        return self is other or (
            self.sender is other.sender
            and self.received is other.received
            and self.attributes is other.attributes
            and self.verdict is other.verdict
            and self.rule == other.rule
            and self.path_id == other.path_id
            and self.next_hop_self == other.next_hop_self
            and self.imported is other.imported
            and self.next_hop is other.next_hop
        )

    @property
    def received_next_hop(self) -> bytes:
        """Without the link-local address that may follow it (RFC 2545 3)."""
        return self.received.next_hop[:16]

    @property
    def relation(self) -> Relation:
        return Relation.LOCAL if self.sender is None else self.sender.relation

    @property
    def session_type(self) -> SessionType:
        """EBGP only for what an external peer sent."""
        return SessionType.EBGP if self.relation is Relation.EBGP else SessionType.IBGP

    @property
    def cost(self) -> int:
        """The kernel's metric of the way to the next hop (RFC 4271 9.1.2.2 e)."""
        return 0 if self.next_hop is None else self.next_hop.resolution.cost

    @property
    def local_pref(self) -> int:
        attributes = self.attributes or self.received
        return DEFAULT_LOCAL_PREF if attributes.local_pref is None else attributes.local_pref
