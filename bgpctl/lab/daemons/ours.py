"""The answers of our own speaker, from its control socket."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bgpctl.lab.daemons.answers import BgpRoute, Session
from bgpctl.lab.running.agents import SPEAKER_SOCKET
from reflector.control.client import ControlClient, ControlError
from reflector.messages import PeerStatus, RouteStatus, ShowPeers, ShowRoutes
from reflector.plan import Family, RouteSource

_FAMILIES: tuple[Family, ...] = (4, 6)


@dataclass(frozen=True, slots=True)
class OurAnswers:
    """See Answers."""

    directory: Path
    names: Mapping[str, str]

    def sessions(self) -> tuple[Session, ...] | None:
        try:
            with ControlClient(self.directory / SPEAKER_SOCKET) as speaker:
                peers = speaker.ask(ShowPeers()).peers
        except ControlError:
            return None
        return tuple(Session(self._name(peer), peer.state) for peer in peers)

    def _name(self, peer: PeerStatus) -> str:
        return peer.peer_node or self.names.get(peer.peer_address, peer.peer_address)

    def routes(self) -> tuple[BgpRoute, ...] | None:
        try:
            with ControlClient(self.directory / SPEAKER_SOCKET) as speaker:
                return tuple(_route(one) for family in _FAMILIES for one in _loc_rib(speaker, family))
        except ControlError:
            return None


def _loc_rib(speaker: ControlClient, family: Family) -> Iterator[RouteStatus]:
    after = ""
    while True:
        page = speaker.ask(ShowRoutes(family=family, after=after))
        yield from page.routes
        after = page.next_after
        if not after:
            return


def _route(route: RouteStatus) -> BgpRoute:
    return BgpRoute(
        prefix=route.prefix,
        next_hop=route.next_hop if route.source is RouteSource.BGP else "",
        as_path=route.as_path,
        local_pref=route.local_pref,
        communities=tuple(sorted(route.communities)),
        stale=route.stale,
    )
