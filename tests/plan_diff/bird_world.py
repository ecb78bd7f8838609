"""One speaker and one BIRD 2, with a session for each row of SessionPlan and a few that all other rows share.

Each session has addresses, a `protocol bgp` and a prefix of its own, and nothing is put back after a row: a row also
shows that it leaves the sessions of all others alone.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from bird_rows import (
    FAR,
    LIMIT_ROWS,
    MANY,
    NEAR,
    NOWHERE,
    OURS,
    SESSION_ROWS,
    US,
    US_TOO,
    WITH_MED,
)
from changed_fields import ALL, LOCAL_AS, NONE
from msgspec.structs import replace
from segment import Bird, Segment, eventually

from bgpctl.compiler import render_exabgp_conf
from bgpctl.plan_diff import PlanDifference, diff_plans
from reflector.messages import Applied
from reflector.plan import (
    Listen,
    NodePlan,
    Origination,
    Password,
    Policy,
    PolicyRule,
    RouteSource,
    SessionKind,
    SessionPlan,
    Verdict,
)

MAIN, CLIENT, SECRET, ADDED = "the_main", "the_client", "the_secret", "the_added"
SOURCES = {"far": 65100, "farther": 65101, "near": LOCAL_AS}
MORE, LATE = "more", "late"
ROUNDING = timedelta(milliseconds=20)
KEY = Password("as-agreed")
_FROM_SOURCES = {
    "far": f"if net = {FAR} || net = {MANY} then accept; if net = {WITH_MED} then {{ bgp_med = 50; accept; }}",
    "farther": f"if net = {MANY} then accept; if net = {WITH_MED} then {{ bgp_med = 10; accept; }}",
    "near": f"if net = {NEAR} then accept; if net = {NOWHERE} then {{ bgp_next_hop = 192.0.2.9; accept; }}",
}
_SHARED = [MAIN, CLIENT, SECRET, ADDED, *SOURCES]
_ROWS = [f"row_{field}" for field in SESSION_ROWS]
_LIMITS = [f"limit_{field}" for field in LIMIT_ROWS]
NUMBER = {name: number for number, name in enumerate([*_SHARED, *_ROWS, *_LIMITS], 10)}


class Standing(NamedTuple):
    """A session at both ends: since when BIRD has it, and how often we have lost it."""

    since: datetime
    flaps: int


def address(session: str) -> str:
    """BIRD's end."""
    return f"10.9.1.{NUMBER[session]}"


def our_address(session: str) -> str:
    """BIRD takes a session by the other end's address, so that ours is another one for each."""
    return f"10.9.3.{NUMBER[session]}"


class BirdWorld:
    def __init__(self, segment: Segment) -> None:
        alternates = [row.other_end["local"] for row in SESSION_ROWS.values() if "local" in row.other_end]
        segment.host("us", *(f"{each}/16" for each in (US, US_TOO, *map(our_address, NUMBER))))
        segment.host("bird", *(f"{each}/16" for each in (*map(address, NUMBER), *alternates)))
        self.segment = segment
        self.plan = _plan()
        self.us = segment.speaker("us", self.plan, render_exabgp_conf(self.plan))
        self.bird = Bird(segment, "bird", _configuration())
        self.has_all = True
        self._markers = 0
        self._since: dict[str, datetime] = {}
        self.wait_established()

    # ------------------------------------------------------------------------------------- questions

    def prefix(self, session: str) -> str:
        """What BIRD has for this session alone."""
        return f"10.60.{NUMBER[session]}.0/24"

    def ours(self, session: str) -> str:
        return our_address(session)

    def received(self, session: str, prefix: str) -> str:
        """BIRD's words on the prefix over this session, "" without it."""
        shown = self.bird.ask("show", "route", prefix, "all", "protocol", session)
        return shown if f"[{session} " in shown else ""

    def shown(self, session: str) -> str:
        return self.bird.ask("show", "protocols", "all", session)

    def standings(self) -> dict[str, Standing]:
        """Every session that is Established at both ends."""
        lines = re.findall(r"^(\S+)\s+BGP\s+\S+\s+up\s+(.*?)\s+Established", self._protocols(), re.MULTILINE)
        peers = self.us.peers()
        return {name: Standing(self._moment(name, since), peers[name].flaps) for name, since in lines if name in peers}

    def _moment(self, session: str, since: str) -> datetime:
        """BIRD works the time of day out anew for each answer, and is a millisecond off now and then."""
        moment, known = datetime.fromisoformat(since), self._since.get(session)
        if known is None or abs(moment - known) > ROUNDING:
            self._since[session] = moment
        return self._since[session]

    def ceased(self, session: str) -> bool:
        """BIRD has received the end of the session, and the reason (RFC 4486 4)."""
        return re.search(rf"{session}: Received: (Other configuration|Peer de-conf)", self.log()) is not None

    def refreshes(self, session: str = "") -> int:
        """How many ROUTE-REFRESH messages have come to BIRD."""
        return self.log().count(f"{session}: Got ROUTE-REFRESH")

    def keepalives(self, session: str) -> int:
        return self.log().count(f"{session}: Got KEEPALIVE")

    def segments_with_a_wrong_key(self) -> int:
        """As the kernel at BIRD's end has counted them."""
        with self.segment.inside("bird"):
            names, values = (
                line.split() for line in Path("/proc/thread-self/net/netstat").read_text().splitlines()[:2]
            )
        return int(values[names.index("TCPMD5Failure")])

    def log(self) -> str:
        return (self.bird.directory / "log").read_text()

    def _protocols(self) -> str:
        return self.bird.ask("show", "protocols")

    # --------------------------------------------------------------------------------------- actions

    def tell(self, plan: NodePlan) -> tuple[Applied, PlanDifference]:
        """What the speaker did, and what was foretold."""
        foretold = diff_plans(self.plan, plan)
        self.plan = plan
        return self.us.apply(plan, render_exabgp_conf(plan)), foretold

    def with_session(self, session: str, **changes: Any) -> NodePlan:
        changed = [replace(one, **changes) if one.name == session else one for one in self.plan.sessions]
        return replace(self.plan, sessions=tuple(changed))

    def switch(self, one: str, other: str) -> None:
        """BIRD's end gets other words for the session."""
        self.bird.ask("disable", one)
        self.bird.ask("enable", other)

    def announce_more(self, static: str) -> None:
        """BIRD has a second route for the sessions that have a limit, or for the one that is given a limit."""
        self.bird.ask("enable", static)

    def originate_marker(self) -> str:
        """Another route of ours; its prefix."""
        self._markers += 1
        marker = Origination(f"10.99.{self._markers}.0/24", RouteSource.STATIC)
        self.tell(replace(self.plan, originations=(*self.plan.originations, marker)))
        return marker.prefix

    def wait_told(self, session: str, prefix: str) -> None:
        eventually(lambda: self.received(session, prefix), f"BIRD has {prefix} over {session}")

    def wait_established(self) -> None:
        """At both ends. `has_all` says afterwards whether a test that comes later may hope for it."""
        self.has_all, count = False, len(self.plan.sessions)
        self.us.wait_established(count)
        established = r"^\S+\s+BGP\s.*Established"
        eventually(
            lambda: len(re.findall(established, self._protocols(), re.MULTILINE)) == count,
            f"BIRD has {count} sessions: {self._protocols()}",
        )
        self.has_all = True


# ------------------------------------------------------------------------------------------ both plans


def _plan() -> NodePlan:
    sessions = [
        _session(MAIN, export_policies=("row",)),
        _session(CLIENT, rr_client=True, add_path=False, export_policies=("client",)),
        _session(SECRET, password=KEY),
        *(_session(name, peer_as=asn, export_policies=()) for name, asn in SOURCES.items()),
        *(_session(f"row_{field}", **row.before) for field, row in SESSION_ROWS.items()),
        *(_session(f"limit_{field}", maximum_prefixes=row[0]) for field, row in LIMIT_ROWS.items()),
    ]
    accept = (PolicyRule(Verdict.ACCEPT),)
    return NodePlan(
        node="us",
        router_id=US,
        cluster_id="8.8.8.8",
        listen=(Listen("0.0.0.0"),),  # noqa: S104  inside a namespace of the test
        sessions=tuple(sessions),
        policies=(ALL, NONE, Policy("row", accept), Policy("client", accept)),
        originations=(OURS,),
    )


def _session(name: str, **changes: Any) -> SessionPlan:
    fields: dict[str, Any] = {"families": (4,), "hold_time": 90, "export_policies": ("all",), "peer_as": LOCAL_AS}
    fields |= {"local_address": our_address(name)} | changes
    return SessionPlan(name, SessionKind.NODE, address(name), local_as=LOCAL_AS, **fields)


def added_session() -> SessionPlan:
    """One that BIRD waits for, and that the plan does not have in the beginning."""
    return _session(ADDED)


def _configuration() -> str:
    prefixes = [f"10.60.{number}.0/24" for number in NUMBER.values()]
    routes = " ".join(f"route {prefix} blackhole;" for prefix in (*prefixes, FAR, MANY, WITH_MED, NEAR, NOWHERE))
    more = " ".join(f"route 10.61.{NUMBER[name]}.0/24 blackhole;" for name in _LIMITS)
    late = f"route 10.61.{NUMBER['row_maximum_prefixes']}.0/24 blackhole;"
    parts = [
        "log stderr all;\ntimeformat protocol iso long ms;\nrouter id 10.9.1.1;\nprotocol device { }\n",
        f"protocol static statics {{ ipv4; {routes} }}\n",
        f"protocol static {MORE} {{ disabled; ipv4; {more} }}\nprotocol static {LATE} {{ disabled; ipv4; {late} }}\n",
    ]
    parts += [_protocol(name) for name in (MAIN, CLIENT, ADDED, *_LIMITS)]
    parts.append(_protocol(SECRET, options=f'password "{KEY.secret}";'))
    parts += [_protocol(name, asn=str(asn), export=_FROM_SOURCES[name]) for name, asn in SOURCES.items()]
    for field, row in SESSION_ROWS.items():
        parts.append(_protocol(f"row_{field}", **row.bird))
        if row.other_end:
            parts.append(_protocol(f"row_{field}", **row.other_end, suffix="_again", state="disabled;"))
    return "".join(parts)


def _protocol(name: str, **words: str) -> str:
    number, asn = NUMBER[name], words.get("asn", str(LOCAL_AS))
    own = f"if net ~ [10.60.{number}.0/24, 10.61.{number}.0/24] then {{ {words.get('change', '')} accept; }}"
    multihop = "multihop;" if asn != str(LOCAL_AS) and "options" not in words else ""
    return f"""protocol bgp {name}{words.get("suffix", "")} {{
  {words.get("state", "")} router id {address(name)};
  local {words.get("local", address(name))} {words.get("port", "")} as {asn};
  neighbor {words.get("peer", our_address(name))} as {words.get("peer_as", LOCAL_AS)};
  hold time 90; connect delay time 1; connect retry time 1; error wait time 1, 1;
  graceful restart on; long lived graceful restart on; debug {{ packets }};
  {words.get("options", multihop)}
  ipv4 {{
    import all; add paths on;
    export filter {{ if source != RTS_STATIC then reject; {words.get("export", own)} reject; }};
  }};
  ipv6 {{ import all; export none; }};
}}
"""
