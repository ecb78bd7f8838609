"""A peering: a session that resources define for a node, before its attributes."""

from __future__ import annotations

from dataclasses import dataclass

from bgpctl.compiler.cluster.facts import PeerEndpoint
from bgpctl.resources.kinds.bgp_peer import BGPPeer, BGPPeerSpec
from reflector.plan import SessionKind

EMPTY_SPEC = BGPPeerSpec()


@dataclass(frozen=True, slots=True)
class Peering:
    """A session that a resource defines for a node.

    peer          the BGPPeer that defines it; None for the mesh
    reverse       this node is the peer that the BGPPeer names
    endpoint      AS number 0 when neither the BGPPeer nor a node has it
    """

    kind: SessionKind
    endpoint: PeerEndpoint
    peer: BGPPeer | None = None
    reverse: bool = False
    passive: bool = False

    @property
    def spec(self) -> BGPPeerSpec:
        """The BGPPeer's; for the mesh an empty one."""
        return self.peer.spec if self.peer is not None else EMPTY_SPEC

    @property
    def defined_by(self) -> str:
        if self.peer is None:
            return "node-to-node mesh"
        return f"BGPPeer {self.peer.name}" + (", seen from its peer" if self.reverse else "")


@dataclass(frozen=True, slots=True)
class Peerings:
    """What a node runs, and what it must leave out because the peer address is taken (with the one that has it).

    repeated   another BGPPeer defines the same; the options are those of the first
    """

    wanted: tuple[Peering, ...]
    doubled: tuple[tuple[Peering, Peering], ...]
    repeated: tuple[tuple[Peering, Peering], ...] = ()
