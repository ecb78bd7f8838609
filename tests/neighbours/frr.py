"""FRR: bgpd alone, without zebra, so that it takes every next hop for reachable; `vtysh` announces and withdraws."""

from __future__ import annotations

import json
import re
from typing import Any, ClassVar

from neighbour import Daemon, Peering, Route, Router, large, route_targets, standard, write
from segment import Segment


class Frr(Daemon):
    name: ClassVar[str] = "frr"
    package: ClassVar[str] = "frr"
    binary: ClassVar[str] = "/usr/lib/frr/bgpd"

    def __init__(self, segment: Segment, host: str, router: Router) -> None:
        super().__init__(segment, host, router)
        self._conf = self.directory / "bgpd.conf"

    def _command(self) -> list[str]:
        write(self._conf, self._configuration())
        where = str(self.directory)
        command = [self.binary, "--skip_runas", "--no_zebra", "--no_kernel", "-f", str(self._conf)]
        command += ["-i", f"{where}/bgpd.pid", "--vty_socket", where, "-P", "0", "--log", "stdout"]
        return command

    def _vtysh(self, *lines: str) -> str:
        words = [word for line in lines for word in ("-c", line)]
        return self.ask("vtysh", "--vty_socket", str(self.directory), "-d", "bgpd", *words)

    def _json(self, command: str) -> Any:
        return next(iter(self._all_json([command])), {})

    def _all_json(self, commands: list[str]) -> list[Any]:
        """The answers, one JSON object after the other."""
        text = self._vtysh(*commands).strip() if commands else ""
        answers, decoder = [], json.JSONDecoder()
        while text.startswith("{"):
            answer, end = decoder.raw_decode(text)
            answers.append(answer)
            text = text[end:].strip()
        return answers

    def is_established(self, peering: Peering) -> bool:
        answer = self._json(f"show bgp neighbors {peering.peer} json")
        return answer.get(peering.peer, {}).get("bgpState") == "Established"

    def paths(self, peering: Peering) -> list[tuple[str, Route]]:
        """FRR 8.4 shows no communities in its tables: each prefix is asked for, all of them at once."""
        table = self._json(f"show bgp {peering.afi} unicast json").get("routes", {})
        shown = self._all_json([f"show bgp {peering.afi} unicast {prefix} json" for prefix in table])
        return [
            (one["prefix"], _route(path))
            for one in shown
            for path in one.get("paths", ())
            if path.get("peer", {}).get("peerId") == peering.peer
        ]

    def announce(self, prefix: str, communities: tuple[str, ...] = ()) -> None:
        self.announced[prefix] = communities
        self._configure(*_route_map(prefix, communities), *self._network(prefix, ""))

    def withdraw(self, prefix: str) -> None:
        del self.announced[prefix]
        self._configure(*self._network(prefix, "no "))

    def _network(self, prefix: str, negation: str) -> list[str]:
        family = 6 if ":" in prefix else 4
        network = f"{negation}network {prefix}" + ("" if negation else f" route-map {_map_name(prefix)}")
        return [f"router bgp {self.router.asn}", f"address-family ipv{family} unicast", network]

    def _configure(self, *lines: str) -> None:
        words = [word for line in ("configure terminal", *lines) for word in ("-c", line)]
        self.run("vtysh", "--vty_socket", str(self.directory), "-d", "bgpd", *words)

    def refresh(self, peering: Peering) -> None:
        self._vtysh(f"clear bgp {peering.afi} unicast {peering.peer} soft in")

    def resend(self, peering: Peering) -> None:
        self._vtysh(f"clear bgp {peering.afi} unicast {peering.peer} soft out")

    def disable(self, peering: Peering) -> None:
        self._configure(f"router bgp {self.router.asn}", f"neighbor {peering.peer} shutdown")

    def enable(self, peering: Peering) -> None:
        self._configure(f"router bgp {self.router.asn}", f"no neighbor {peering.peer} shutdown")

    def _configuration(self) -> str:
        neighbors = "".join(_neighbor(peering) for peering in self.router.peerings)
        families = "".join(self._family(family) for family in (4, 6))
        maps = "".join(
            "\n".join(_route_map(prefix, communities)) + "\nexit\n" for prefix, communities in self.announced.items()
        )
        cluster = f" bgp cluster-id {self.router.cluster_id}\n" if self.router.cluster_id else ""
        return f"""{maps}router bgp {self.router.asn}
 bgp router-id {self.router.router_id}
{cluster} no bgp default ipv4-unicast
 no bgp ebgp-requires-policy
 no bgp network import-check
 timers bgp {self.router.hold_time // 3} {self.router.hold_time}
 bgp graceful-restart
 bgp graceful-restart preserve-fw-state
 bgp graceful-restart restart-time {self.router.restart_time}
{neighbors}{families}"""

    def _family(self, family: int) -> str:
        lines = [f" address-family ipv{family} unicast"]
        lines += [
            f"  network {prefix} route-map {_map_name(prefix)}"
            for prefix in self.announced
            if (":" in prefix) == (family == 6)
        ]
        for peering in self.router.peerings:
            if peering.family == family:
                lines += [f"  neighbor {peering.peer} {option}" for option in _in_family(peering)]
        return "\n".join([*lines, " exit-address-family", ""])


def _neighbor(peering: Peering) -> str:
    options = [f"remote-as {peering.peer_as}", f"update-source {peering.local}", "timers connect 1"]
    options += ["advertisement-interval 0", "graceful-restart"]
    if peering.passive:
        options.append("passive")
    if peering.password:
        options.append(f"password {peering.password}")
    if peering.ttl_security:
        options.append("ttl-security hops 1")
    if not peering.four_octet_as:
        options.append("dont-capability-negotiate")
    return "".join(f" neighbor {peering.peer} {option}\n" for option in options)


def _in_family(peering: Peering) -> list[str]:
    options = ["activate"]
    if peering.rr_client:
        options.append("route-reflector-client")
    if peering.add_path:
        options.append("addpath-tx-all-paths")
    return options


def _map_name(prefix: str) -> str:
    return "for-" + re.sub(r"[.:/]+", "-", prefix)


def _route_map(prefix: str, communities: tuple[str, ...]) -> list[str]:
    lines = [f"route-map {_map_name(prefix)} permit 10"]
    settings = (
        ("set community", standard(communities)),
        ("set large-community", large(communities)),
        ("set extcommunity rt", route_targets(communities)),
    )
    return lines + [f"{words} {' '.join(texts)}" for words, texts in settings if texts]


def _route(path: dict[str, Any]) -> Route:
    communities = [
        *path.get("community", {}).get("string", "").split(),
        *path.get("largeCommunity", {}).get("string", "").split(),
        *(text.lower() for text in path.get("extendedCommunity", {}).get("string", "").split()),
    ]
    return Route(
        next_hop=next(hop["ip"] for hop in path["nexthops"] if hop.get("scope") != "link-local"),
        as_path=tuple(map(int, path.get("aspath", {}).get("string", "").replace("Local", "").split())),
        local_pref=path.get("locPrf"),
        communities=tuple(sorted(communities)),
        originator_id=path.get("originatorId", ""),
        cluster_list=tuple(path.get("clusterList", {}).get("list", ())),
        stale=bool(path.get("stale")),
    )
