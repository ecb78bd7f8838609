"""Our speaker between four real daemons in one role, and a client of ours that records every message.

    client       the daemons are our route reflection clients
    non-client   the daemons are iBGP peers of a reflector
    ebgp         the daemons are in ASes of their own
    reflector    the daemons reflect, and we are their client

In each family every daemon has a session with us, over that family. `recorder` is our client in every role; `far` is
the other client of each reflector above us, and only there.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from bird import Bird
from frr import Frr
from gobgp import GoBgp
from neighbour import Daemon, Peering, Route, Router
from openbgpd import OpenBgpd
from recording_peer import HOLD_TIME, RecordingPeer
from segment import LOCAL_AS, Segment, Speaker, eventually, session

from bgpctl.compiler.rendering.exabgp_conf import render_exabgp_conf
from bgpctl.compiler.sessions.session_settings import CLUSTER_STALE_TIME
from reflector.control.client import ControlClient
from reflector.messages import CandidateStatus, Explain, Explanation, PeerStatus, RouteStatus, ShowRoutes
from reflector.plan import Family, Listen, NodePlan, Origination, RouteSource, SessionPlan

DAEMONS: tuple[type[Daemon], ...] = (Bird, Frr, GoBgp, OpenBgpd)
FAMILIES: tuple[Family, ...] = (4, 6)
CLUSTER = "9.9.9.9"
RESTART_TIME = 60


class Role(StrEnum):
    """What the daemons are to us."""

    CLIENT = "client"
    NON_CLIENT = "non-client"
    EBGP = "ebgp"
    REFLECTOR = "reflector"


def address(family: Family, number: int, link: int = 0) -> str:
    return f"10.9.{link}.{number}" if family == 4 else f"fd00:{9 + link}::{number}"


def prefix(family: Family, number: int) -> str:
    return f"10.245.{number}.0/24" if family == 4 else f"fd00:245:{number}::/48"


# Hosts of the segment, by the last number of their addresses, and what they originate.
US, RECORDER, FAR = 1, 20, 30
# Beside a daemon's own number: what `far` originates behind that daemon.
OF_FAR = 100
NUMBER = {daemon: number for number, daemon in enumerate(DAEMONS, start=11)}
OF_WITNESS = ("65000:1", "65000:1:2", "rt:65000:3")
OF_DAEMON = ("65001:4", "65001:5:6", "rt:65001:7")
OF_OURS = ("65002:8", "65002:9:10", "rt:65002:11")
PATH_OF_WITNESS = (65100, 4200000001)


def peer_as(role: Role, daemon: type[Daemon]) -> int:
    return 65000 + NUMBER[daemon] if role is Role.EBGP else LOCAL_AS


def cluster_of(daemon: type[Daemon]) -> str:
    """In which it reflects as our reflector."""
    return f"7.7.7.{NUMBER[daemon]}"


@dataclass(frozen=True, eq=False)
class Link:
    """A session of every daemon with us in each family, on addresses of its own (`number`). `theirs` are fields of
    Peering, `ours` of SessionPlan, that are not as everywhere."""

    name: str
    number: int
    theirs: dict[str, Any] = field(default_factory=dict)
    ours: dict[str, Any] = field(default_factory=dict)


PLAIN = Link("plain", 0)


class World:
    """Everything in one role. There is always the plain link, over which routes are advertised.

    hosts     that are no daemons, with their numbers
    clients   the numbers of those that are our clients
    """

    hosts: ClassVar[dict[str, int]] = {"us": US, "recorder": RECORDER, "far": FAR}
    clients: ClassVar[tuple[int, ...]] = (RECORDER,)

    def __init__(
        self, directory: Path, role: Role, links: tuple[Link, ...] = (), daemons: tuple[type[Daemon], ...] = DAEMONS
    ) -> None:
        self.role = role
        self.links = (PLAIN, *links)
        self.segment = Segment(directory)
        self.kinds = tuple(daemon for daemon in daemons if daemon.is_installed())
        self.daemons: dict[type[Daemon], Daemon] = {}
        self.recorders: dict[Family, RecordingPeer] = {}
        self.far: dict[tuple[type[Daemon], Family], RecordingPeer] = {}

    def begin(self) -> None:
        """All processes side by side."""
        for name, number in self.hosts.items():
            self._host(name, number)
        self.us = Speaker(self.segment, "us", self.plan(), render_exabgp_conf(self.plan()))
        for kind in self.kinds:
            self._host(kind.name, NUMBER[kind])
            daemon = self.daemons[kind] = kind(self.segment, kind.name, self._router(kind))
            daemon.start()

    def meet(self) -> None:
        """All sessions, and then the routes."""
        self.us.wait_listening()
        self.meet_recorderes()
        self.wait_established()
        self.meet_far()
        for kind, daemon in self.daemons.items():
            for family in FAMILIES:
                daemon.announce(prefix(family, NUMBER[kind]), OF_DAEMON)

    def close(self) -> None:
        for daemon in self.daemons.values():
            daemon.kill()
        self.segment.close()

    def _host(self, name: str, number: int) -> None:
        addresses = [(address(4, number, link.number), address(6, number, link.number)) for link in self.links]
        self.segment.host(name, *(text for v4, v6 in addresses for text in (f"{v4}/24", f"{v6}/64")))

    # ----------------------------------------------------------------------------------- who is who

    def plan(self, *, numbers: tuple[int, ...] = (US,)) -> NodePlan:
        """Our speaker; `numbers` define which prefixes it originates."""
        clients = [self._client(family, number) for family in FAMILIES for number in self.clients]
        daemons = [
            self._session(kind, family, link) for kind in self.kinds for family in FAMILIES for link in self.links
        ]
        originations = [
            Origination(prefix(family, number), RouteSource.BLOCK, communities=OF_OURS)
            for family in FAMILIES
            for number in numbers
        ]
        return NodePlan(
            node="us",
            router_id=address(4, US),
            cluster_id=CLUSTER,
            listen=(Listen("0.0.0.0"), Listen("::")),  # noqa: S104  inside a namespace of the test
            sessions=(*clients, *daemons),
            originations=tuple(originations),
        )

    def _client(self, family: Family, number: int) -> SessionPlan:
        ends = address(family, number), address(family, US)
        return session(*ends, families=(family,), rr_client=True, passive=True, hold_time=HOLD_TIME)

    def _session(self, kind: type[Daemon], family: Family, link: Link) -> SessionPlan:
        fields: dict[str, Any] = {
            "families": (family,),
            "peer_as": peer_as(self.role, kind),
            "rr_client": self.role is Role.CLIENT,
            "hold_time": HOLD_TIME,
            "restart_time": RESTART_TIME,
            "long_lived_stale_time": CLUSTER_STALE_TIME,
        }
        ends = address(family, NUMBER[kind], link.number), address(family, US, link.number)
        return session(*ends, **fields | link.ours)

    def write(self, plan: NodePlan) -> None:
        """For the next start."""
        self.us.write(plan, render_exabgp_conf(plan))

    def apply(self, plan: NodePlan) -> None:
        self.us.apply(plan, render_exabgp_conf(plan))

    def _router(self, kind: type[Daemon]) -> Router:
        peerings = [self.peering(kind, family, link) for family in FAMILIES for link in self.links]
        peerings += [peering for family in FAMILIES for peering in self.others(kind, family)]
        asn, router_id = peer_as(self.role, kind), address(4, NUMBER[kind])
        return Router(asn, router_id, tuple(peerings), cluster_of(kind), RESTART_TIME, HOLD_TIME)

    def others(self, kind: type[Daemon], family: Family) -> list[Peering]:
        """The daemon's sessions with others than us."""
        plain = self.peering(kind, family)
        return [replace(plain, peer=address(family, FAR))] if self.role is Role.REFLECTOR else []

    def peering(self, kind: type[Daemon], family: Family, link: Link = PLAIN) -> Peering:
        """The daemon's session with us."""
        theirs = {one: value for one, value in link.theirs.items() if one not in kind.lacks}
        ends = address(family, NUMBER[kind], link.number), address(family, US, link.number)
        return Peering(*ends, LOCAL_AS, rr_client=self.role is Role.REFLECTOR, **theirs)

    # ----------------------------------------------------------------------------------- beginnings

    def meet_recorderes(self) -> None:
        for family in FAMILIES:
            recorder = self.meet_peer("recorder", family, US)
            recorder.announce(prefix(family, RECORDER), OF_WITNESS, PATH_OF_WITNESS, 250)
            recorder.end_of_rib()
            self.recorders[family] = recorder

    def meet_far(self, *kinds: type[Daemon]) -> None:
        """The other client of these reflectors, of all if none is named."""
        if self.role is not Role.REFLECTOR:
            return
        for kind in set(self.kinds) & set(kinds or self.kinds):
            for family in FAMILIES:
                far = self.meet_peer("far", family, NUMBER[kind])
                far.announce(prefix(family, OF_FAR + NUMBER[kind]), OF_WITNESS, PATH_OF_WITNESS, 250)
                far.end_of_rib()
                self.far[kind, family] = far

    def meet_peer(self, host: str, family: Family, peer: int, asn: int = LOCAL_AS) -> RecordingPeer:
        """A hand-written peer on this host, with a session with the speaker or daemon of this number."""
        number = self.hosts[host]
        ends = address(family, number), address(family, peer)
        return RecordingPeer(self.segment, host, *ends, address(4, number), asn)

    def wait_established(self) -> None:
        for kind in self.kinds:
            for family in FAMILIES:
                self.wait_session(kind, family)

    def wait_session(self, kind: type[Daemon], family: Family, link: Link = PLAIN) -> None:
        daemon, peering = self.daemons[kind], self.peering(kind, family, link)
        eventually(lambda: daemon.is_established(peering), f"{kind.name}: {peering} is Established", within=30.0)
        name = f"to-{peering.local}"
        eventually(lambda: self.us.peers()[name].state == "Established", f"{name} is Established")

    # ------------------------------------------------------------------------------------ questions

    def adjacencies(self) -> list[Adjacency]:
        return [Adjacency(self, kind, family) for kind in self.kinds for family in FAMILIES]

    def received(self, kind: type[Daemon], family: Family, link: Link = PLAIN) -> dict[str, Route]:
        """What the daemon has from us."""
        return self.daemons[kind].routes(self.peering(kind, family, link))

    def candidates(self, kind: type[Daemon], wanted: str) -> list[CandidateStatus]:
        """What we have of the prefix from this daemon."""
        number = NUMBER[kind]
        names = {f"to-{address(family, number)}" for family in FAMILIES}
        return [candidate for candidate in self.explain(wanted).candidates if candidate.peer in names]

    def explain(self, wanted: str) -> Explanation:
        with ControlClient(self.us.directory / "speaker.sock") as client:
            return client.ask(Explain(wanted))

    def us_route(self, wanted: str) -> RouteStatus:
        """Our best route to the prefix."""
        with ControlClient(self.us.directory / "speaker.sock") as client:
            (route,) = client.ask(ShowRoutes(family=6 if ":" in wanted else 4, inside=wanted)).routes
        return route

    def status(self, kind: type[Daemon], family: Family, link: Link = PLAIN) -> PeerStatus:
        """Our end of the session with it."""
        return self.us.peers()[f"to-{address(family, NUMBER[kind], link.number)}"]


class Adjacency(NamedTuple):
    """We and one daemon in one family, over the plain link."""

    world: World
    kind: type[Daemon]
    family: Family

    def __repr__(self) -> str:
        return f"{self.kind.name} as {self.world.role} over IPv{self.family}"

    @property
    def daemon(self) -> Daemon:
        return self.world.daemons[self.kind]

    @property
    def peering(self) -> Peering:
        return self.world.peering(self.kind, self.family)

    def is_established(self) -> bool:
        return self.daemon.is_established(self.peering)

    def status(self) -> PeerStatus:
        return self.world.status(self.kind, self.family)

    def received(self) -> dict[str, Route]:
        return self.world.received(self.kind, self.family)

    @property
    def recorder(self) -> RecordingPeer:
        return self.world.recorders[self.family]

    @property
    def its_prefix(self) -> str:
        return prefix(self.family, NUMBER[self.kind])

    def prefixes(self, *numbers: int) -> set[str]:
        return {prefix(self.family, number) for number in numbers}
