"""A node with our speaker, as it answers on the control socket: in full for tables, and in the form of every daemon.

The rule: a speaker that does not answer is None, never an empty table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bgpctl.agent.host.run_directory import SPEAKER_SOCKET
from bgpctl.lab.daemons.bgp_view import BgpRoute, Session
from reflector.control.client import ControlClient, ControlError
from reflector.messages import PeerStatus, RouteStatus, ShowPeers, ShowRoutes
from reflector.plan import Family, RouteSource

_FAMILIES: tuple[Family, ...] = (4, 6)
_PAGE = 1000


def speaker_peers(run_directory: Path) -> tuple[PeerStatus, ...] | None:
    """The sessions as the speaker knows them."""
    try:
        with ControlClient(run_directory / SPEAKER_SOCKET) as speaker:
            return speaker.ask(ShowPeers()).peers
    except ControlError:
        return None


def speaker_routes(run_directory: Path, families: tuple[Family, ...] = _FAMILIES) -> tuple[RouteStatus, ...] | None:
    """The Loc-RIB, family after family, in the order of the prefixes."""
    try:
        with ControlClient(run_directory / SPEAKER_SOCKET) as speaker:
            return tuple(route for family in families for route in _loc_rib(speaker, family))
    except ControlError:
        return None


def _loc_rib(speaker: ControlClient, family: Family) -> Iterator[RouteStatus]:
    after = ""
    while True:
        page = speaker.ask(ShowRoutes(family=family, after=after, limit=_PAGE))
        yield from page.routes
        after = page.next_after
        if not after:
            return


@dataclass(frozen=True, slots=True)
class SpeakerView:
    """See BgpView."""

    run_directory: Path
    names: Mapping[str, str]

    def sessions(self) -> tuple[Session, ...] | None:
        peers = speaker_peers(self.run_directory)
        return None if peers is None else tuple(Session(self._name(peer), peer.state) for peer in peers)

    def _name(self, peer: PeerStatus) -> str:
        return peer.peer_node or self.names.get(peer.peer_address, peer.peer_address)

    def routes(self) -> tuple[BgpRoute, ...] | None:
        routes = speaker_routes(self.run_directory)
        return None if routes is None else tuple(map(_route, routes))


def _route(route: RouteStatus) -> BgpRoute:
    return BgpRoute(
        prefix=route.prefix,
        next_hop=route.next_hop if route.source is RouteSource.BGP else "",
        as_path=route.as_path,
        local_pref=route.local_pref,
        communities=tuple(sorted(route.communities)),
        stale=route.stale,
    )
