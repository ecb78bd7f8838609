"""GoBGP: neighbours from its file, routes and questions through `gobgp` on a Unix socket."""

from __future__ import annotations

import json
import signal
from typing import Any, ClassVar

from neighbour import Daemon, Peering, Route, Router, large, route_targets, standard, write
from segment import Segment, eventually

ORIGIN, AS_PATH, NEXT_HOP, LOCAL_PREF, COMMUNITIES = 1, 2, 3, 5, 8
ORIGINATOR_ID, CLUSTER_LIST, MP_REACH_NLRI, EXTENDED_COMMUNITIES, LARGE_COMMUNITIES = 9, 10, 14, 16, 32


class GoBgp(Daemon):
    name: ClassVar[str] = "gobgp"
    package: ClassVar[str] = "gobgpd"
    binary: ClassVar[str] = "gobgpd"
    lacks: ClassVar[dict[str, str]] = {
        "four_octet_as": "GoBGP has no option not to offer four-octet AS numbers",
        "refresh": "GoBGP keeps all that it received and never asks for it again: softresetin reads its Adj-RIB-In",
    }

    marks_its_own: ClassVar[bool] = True

    def __init__(self, segment: Segment, host: str, router: Router) -> None:
        super().__init__(segment, host, router)
        self._conf = self.directory / "gobgpd.toml"
        self._api = f"unix://{self.directory}/api"
        self._options: list[str] = []
        self._left_out: set[Peering] = set()

    def _command(self) -> list[str]:
        write(self._conf, self._configuration())
        command = ["gobgpd", "-f", str(self._conf), "-l", "info", "--pprof-disable", "--api-hosts", self._api]
        return [*command, *self._options]

    def restart(self) -> None:
        """-r: its OPEN has the flags of a restart with preserved forwarding state."""
        self._options = ["-r"]
        (self.directory / "api").unlink(missing_ok=True)
        # Its file holds no routes, and its End-of-RIB would be ahead of what a command line adds.
        with self.unreachable():
            self.start()
            eventually(lambda: self._gobgp("global") != "", "GoBGP answers")
            for prefix, communities in self.announced.items():
                self._add(prefix, communities)

    def _gobgp(self, *words: str) -> str:
        return self.ask("gobgp", "--target", self._api, *words)

    def _json(self, *words: str) -> Any:
        text = self._gobgp("-j", *words)
        return json.loads(text) if text.strip()[:1] in ("{", "[") else {}

    def is_established(self, peering: Peering) -> bool:
        neighbor = self._json("neighbor", peering.peer)
        return bool(neighbor) and neighbor.get("state", {}).get("session_state") == 6

    def paths(self, peering: Peering) -> list[tuple[str, Route]]:
        table = self._json("global", "rib", "-a", peering.afi)
        return [
            (prefix, _route(path))
            for prefix, paths in (table or {}).items()
            for path in paths
            if path.get("neighbor-ip") == peering.peer
        ]

    def announce(self, prefix: str, communities: tuple[str, ...] = ()) -> None:
        self.announced[prefix] = communities
        self._add(prefix, communities)

    def _add(self, prefix: str, communities: tuple[str, ...]) -> None:
        words = ["global", "rib", "add", prefix]
        for word, texts in (
            ("community", standard(communities)),
            ("large-community", large(communities)),
            ("rt", route_targets(communities)),
        ):
            words += [word, ",".join(texts)] if texts else []
        self.run("gobgp", "--target", self._api, *words, "-a", _afi(prefix))

    def withdraw(self, prefix: str) -> None:
        del self.announced[prefix]
        self.run("gobgp", "--target", self._api, "global", "rib", "del", prefix, "-a", _afi(prefix))

    def resend(self, peering: Peering) -> None:
        self.run("gobgp", "--target", self._api, "neighbor", peering.peer, "softresetout")

    def disable(self, peering: Peering) -> None:
        """By leaving it out of its file: a neighbour that is disabled at the command line waits five seconds more."""
        self._left_out.add(peering)
        self._reload()

    def enable(self, peering: Peering) -> None:
        self._left_out.discard(peering)
        self._reload()

    def _reload(self) -> None:
        write(self._conf, self._configuration())
        self.process.send_signal(signal.SIGHUP)

    def _configuration(self) -> str:
        neighbors = "".join(
            self._neighbor(peering) for peering in self.router.peerings if peering not in self._left_out
        )
        return f'[global.config]\nas = {self.router.asn}\nrouter-id = "{self.router.router_id}"\n{neighbors}'

    def _neighbor(self, peering: Peering) -> str:
        blocks = f"""[[neighbors]]
[neighbors.config]
neighbor-address = "{peering.peer}"
peer-as = {peering.peer_as}
auth-password = "{peering.password}"
[neighbors.transport.config]
local-address = "{peering.local}"
passive-mode = {str(peering.passive).lower()}
[neighbors.timers.config]
hold-time = {self.router.hold_time}
connect-retry = 1
idle-hold-time-after-reset = 1
[neighbors.graceful-restart.config]
enabled = true
notification-enabled = false
restart-time = {self.router.restart_time}
"""
        if peering.ttl_security:
            blocks += "[neighbors.ttl-security.config]\nenabled = true\nttl-min = 255\n"
        if peering.rr_client:
            blocks += "[neighbors.route-reflector.config]\nroute-reflector-client = true\n"
            blocks += f'route-reflector-cluster-id = "{self.router.cluster_id}"\n'
        blocks += f'[[neighbors.afi-safis]]\n[neighbors.afi-safis.config]\nafi-safi-name = "{peering.afi}-unicast"\n'
        blocks += "[neighbors.afi-safis.mp-graceful-restart.config]\nenabled = true\n"
        if peering.add_path:
            blocks += "[neighbors.afi-safis.add-paths.config]\nreceive = true\nsend-max = 8\n"
        return blocks


def _afi(prefix: str) -> str:
    return "ipv6" if ":" in prefix else "ipv4"


def _route(path: dict[str, Any]) -> Route:
    attributes = {attribute["type"]: attribute for attribute in path["attrs"]}
    segments = attributes.get(AS_PATH, {}).get("as_paths") or ()
    next_hop = attributes.get(NEXT_HOP) or attributes[MP_REACH_NLRI]
    return Route(
        next_hop=next_hop["nexthop"],
        as_path=tuple(asn for segment in segments for asn in segment["asns"] or ()),
        local_pref=attributes.get(LOCAL_PREF, {}).get("value"),
        communities=tuple(sorted(_communities(attributes))),
        originator_id=attributes.get(ORIGINATOR_ID, {}).get("value", ""),
        cluster_list=tuple(attributes.get(CLUSTER_LIST, {}).get("value", ())),
        stale=bool(path.get("stale")),
    )


def _communities(attributes: dict[int, dict[str, Any]]) -> list[str]:
    numbers = attributes.get(COMMUNITIES, {}).get("communities", ())
    larges = attributes.get(LARGE_COMMUNITIES, {}).get("value", ())
    extended = attributes.get(EXTENDED_COMMUNITIES, {}).get("value", ())
    return [
        *(f"{number >> 16}:{number & 0xFFFF}" for number in numbers),
        *(f"{one['ASN']}:{one['LocalData1']}:{one['LocalData2']}" for one in larges),
        *(f"rt:{one['value']}" for one in extended if one["subtype"] == 2),
    ]
