"""BIRD 2: one `protocol bgp` a session, one `protocol static` a family; `birdc configure` announces and withdraws."""

from __future__ import annotations

import re
from typing import ClassVar

from neighbour import Daemon, Peering, Route, Router, large, route_targets, standard, write
from segment import Segment


class Bird(Daemon):
    name: ClassVar[str] = "bird"
    package: ClassVar[str] = "bird2"
    binary: ClassVar[str] = "bird"
    shows_stale: ClassVar[bool] = False

    def __init__(self, segment: Segment, host: str, router: Router) -> None:
        super().__init__(segment, host, router)
        self._conf = self.directory / "bird.conf"
        self._socket = str(self.directory / "bird.ctl")
        self._options: list[str] = []

    def _command(self) -> list[str]:
        write(self._conf, self._configuration())
        return ["bird", "-f", "-c", str(self._conf), "-s", self._socket, *self._options]

    def restart(self) -> None:
        """-R: its OPEN has the flags of a restart with preserved forwarding state."""
        self._options = ["-R"]
        self.start()

    def _birdc(self, *words: str) -> str:
        return self.ask("birdc", "-s", self._socket, *words)

    def is_established(self, peering: Peering) -> bool:
        return "Established" in self._birdc("show", "protocols", _protocol(peering))

    def paths(self, peering: Peering) -> list[tuple[str, Route]]:
        """A path begins with the prefix, or with blanks if it is another one of the same prefix."""
        shown = self._birdc("show", "route", "all", "protocol", _protocol(peering))
        paths, prefix = [], ""
        for block in re.split(r"^(?=(?:[0-9a-f.:]+/\d+)?\s+\w+ \[)", shown, flags=re.MULTILINE)[1:]:
            prefix = prefix if block[0].isspace() else block.split()[0]
            paths.append((prefix, _route(block)))
        return paths

    def announce(self, prefix: str, communities: tuple[str, ...] = ()) -> None:
        self.announced[prefix] = communities
        self._configure()

    def withdraw(self, prefix: str) -> None:
        del self.announced[prefix]
        self._configure()

    def _configure(self) -> None:
        write(self._conf, self._configuration())
        answer = self.run("birdc", "-s", self._socket, "configure")
        assert "Reconfigur" in answer, answer

    def refresh(self, peering: Peering) -> None:
        self._birdc("reload", "in", _protocol(peering))

    def resend(self, peering: Peering) -> None:
        self._birdc("reload", "out", _protocol(peering))

    def disable(self, peering: Peering) -> None:
        self._birdc("disable", _protocol(peering))

    def enable(self, peering: Peering) -> None:
        self._birdc("enable", _protocol(peering))

    def _configuration(self) -> str:
        static = "".join(self._static(family) for family in (4, 6))
        peerings = "".join(self._peering(peering) for peering in self.router.peerings)
        return f"log stderr all;\nrouter id {self.router.router_id};\nprotocol device {{ }}\n{static}{peerings}"

    def _static(self, family: int) -> str:
        routes = "".join(
            f"  route {prefix} blackhole {{ {_additions(communities)} }};\n"
            for prefix, communities in self.announced.items()
            if (":" in prefix) == (family == 6)
        )
        return f"protocol static {{\n  ipv{family};\n{routes}}}\n"

    def _peering(self, peering: Peering) -> str:
        options = ["graceful restart on", f"graceful restart time {self.router.restart_time}", "direct"]
        if peering.rr_client:
            options += ["rr client", f"rr cluster id {self.router.cluster_id}"]
        if peering.passive:
            options.append("passive")
        if peering.password:
            options.append(f'password "{peering.password}"')
        if peering.ttl_security:
            options.append("ttl security on")
        if not peering.four_octet_as:
            options.append("enable as4 off")
        paths = "add paths on; " if peering.add_path else ""
        return f"""protocol bgp {_protocol(peering)} {{
  local {peering.local} as {self.router.asn};
  neighbor {peering.peer} as {peering.peer_as};
  hold time {self.router.hold_time};
  connect delay time 1; connect retry time 1; error wait time 1, 1;
  {"; ".join(options)};
  {peering.afi} {{ import all; export all; {paths}}};
}}
"""


def _protocol(peering: Peering) -> str:
    return "to_" + re.sub(r"[.:]+", "_", peering.peer)


def _additions(communities: tuple[str, ...]) -> str:
    values = [("bgp_community", text) for text in standard(communities)]
    values += [("bgp_large_community", text) for text in large(communities)]
    values += [("bgp_ext_community", f"rt:{text}") for text in route_targets(communities)]
    return " ".join(f"{attribute}.add(({text.replace(':', ',')}));" for attribute, text in values)


def _route(block: str) -> Route:
    found = dict(re.findall(r"BGP\.(\w+): ?(.*)", block))
    texts = [found.get(name, "") for name in ("community", "large_community", "ext_community")]
    communities = [re.sub(r"[, ]+", ":", one.strip()) for text in texts for one in re.findall(r"\(([^)]*)\)", text)]
    local_pref = found.get("local_pref")
    return Route(
        next_hop=found["next_hop"].split()[0],
        as_path=tuple(map(int, found.get("as_path", "").split())),
        local_pref=int(local_pref) if local_pref else None,
        communities=tuple(sorted(communities)),
        originator_id=found.get("originator_id", ""),
        cluster_list=tuple(found.get("cluster_list", "").split()),
    )
