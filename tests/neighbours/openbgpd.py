"""OpenBGPD: neighbours from its file, and the networks that it starts with; `bgpctl` adds and deletes others."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from neighbour import Daemon, Peering, Route, Router, large, route_targets, standard, write
from segment import Segment

from bgpctl.lab.daemons.openbgpd import openbgpd_program

# It wants an empty directory to chroot to, which its service unit makes; the mount is seen by this process alone.
_WITH_RUN_DIRECTORY = 'mount -t tmpfs none /run && mkdir -m 755 /run/openbgpd && exec "$@"'


class OpenBgpd(Daemon):
    name: ClassVar[str] = "openbgpd"
    package: ClassVar[str] = "openbgpd"
    binary: ClassVar[str] = openbgpd_program("bgpd")
    lacks: ClassVar[dict[str, str]] = {
        "resend": "OpenBGPD has no command that sends a peer everything again",
        "restart_time": "OpenBGPD only helps others to restart: its capability names no family",
    }
    marks_on_arrival: ClassVar[bool] = True

    def __init__(self, segment: Segment, host: str, router: Router) -> None:
        super().__init__(segment, host, router)
        self._conf = self.directory / "bgpd.conf"
        self._socket = str(self.directory / "bgpd.sock")

    def _command(self) -> list[str]:
        write(self._conf, self._configuration())
        return ["sh", "-c", _WITH_RUN_DIRECTORY, "sh", self.binary, "-d", "-f", str(self._conf)]

    def _bgpctl(self, *words: str) -> str:
        return self.ask(openbgpd_program("bgpctl"), "-s", self._socket, *words)

    def _json(self, *words: str) -> Any:
        text = self._bgpctl("-j", *words)
        return json.loads(text) if text.strip() else {}

    def is_established(self, peering: Peering) -> bool:
        shown = self._json("show", "neighbor", peering.peer).get("neighbors", ())
        return any(neighbor.get("state") == "Established" for neighbor in shown)

    def paths(self, peering: Peering) -> list[tuple[str, Route]]:
        shown = self._json("show", "rib", "detail", "neighbor", peering.peer)
        return [(path["prefix"], _route(path)) for path in shown.get("rib", ()) if path["valid"]]

    def announce(self, prefix: str, communities: tuple[str, ...] = ()) -> None:
        self.announced[prefix] = communities
        self._run("network", "add", prefix, *_settings(communities))

    def withdraw(self, prefix: str) -> None:
        del self.announced[prefix]
        self._run("network", "delete", prefix)

    def _run(self, *words: str) -> None:
        self.run(openbgpd_program("bgpctl"), "-s", self._socket, *words)

    def refresh(self, peering: Peering) -> None:
        self._run("neighbor", peering.peer, "refresh")

    def disable(self, peering: Peering) -> None:
        self._run("neighbor", peering.peer, "down")

    def enable(self, peering: Peering) -> None:
        self._run("neighbor", peering.peer, "up")

    def _configuration(self) -> str:
        neighbors = "".join(self._neighbor(peering) for peering in self.router.peerings)
        networks = "".join(_network(prefix, communities) for prefix, communities in self.announced.items())
        return f"""AS {self.router.asn}
router-id {self.router.router_id}
holdtime {self.router.hold_time}
fib-update no
nexthop qualify via default
socket "{self._socket}"
{networks}{neighbors}
allow from any
allow to any
"""

    def _neighbor(self, peering: Peering) -> str:
        options = [f"remote-as {peering.peer_as}", f"local-address {peering.local}"]
        options.append("enforce neighbor-as no")
        options += ["announce IPv4 none", "announce IPv6 unicast"] if peering.family == 6 else []
        if peering.rr_client:
            options.append(f"route-reflector {self.router.cluster_id}")
        if peering.passive:
            options.append("passive")
        if peering.password:
            options.append(f'tcp md5sig password "{peering.password}"')
        if peering.ttl_security:
            options.append("ttl-security yes")
        if not peering.four_octet_as:
            options.append("announce as-4byte no")
        if peering.add_path:
            options += ["announce add-path recv yes", "announce add-path send all"]
        return "\n".join([f"neighbor {peering.peer} {{", *(f"    {option}" for option in options), "}", ""])


def _settings(communities: tuple[str, ...]) -> list[str]:
    words = [("community", text) for text in standard(communities)]
    words += [("large-community", text) for text in large(communities)]
    words += [("ext-community rt", text) for text in route_targets(communities)]
    return [word for name, text in words for word in (*name.split(), text)]


def _network(prefix: str, communities: tuple[str, ...]) -> str:
    settings = " ".join(_settings(communities))
    return f"network {prefix} set {{ {settings} }}\n" if settings else f"network {prefix}\n"


def _route(path: dict[str, Any]) -> Route:
    others = {one["type"]: one for one in path.get("attributes", ())}
    communities = [*path.get("communities", ()), *path.get("large_communities", ())]
    communities += [text.replace("rt ", "rt:") for text in path.get("extended_communities", ())]
    return Route(
        next_hop=path["exit_nexthop"],
        as_path=tuple(map(int, path.get("aspath", "").split())),
        local_pref=path.get("localpref"),
        communities=tuple(sorted(communities)),
        originator_id=others.get("Originator Id", {}).get("originator", ""),
        cluster_list=tuple(others.get("Cluster Id List", {}).get("cluster_list", ())),
        stale=bool(path.get("stale")),
    )
