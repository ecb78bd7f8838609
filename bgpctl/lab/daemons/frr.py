"""FRR: zebra and bgpd (and staticd for static routes), which get the integrated frr.conf from `vtysh` once they answer.

They find each other in /run/frr and insist that it is user frr's, so each runs with a private /run.
"""

from __future__ import annotations

import itertools
import json
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from bgpctl.lab.daemons.bgp_view import BgpRoute, Session
from bgpctl.lab.daemons.daemon import Daemon, Place, Words, answer, json_answer

_PROGRAMS = Path("/usr/lib/frr")
# Since FRR 9 static routes are configured through it.
_MANAGEMENT = _PROGRAMS / "mgmtd"
# One that does not find zebra retries after ten seconds, and meanwhile advertises routes that no kernel has.
_FIRST = ("zebra", "mgmtd")
_AFTER_ZEBRA = 'until [ -S /run/frr/zserv.api ]; do sleep 0.01; done; exec "$@"'
_STATIC_ROUTE = re.compile(r"^\s*(?:ip|ipv6) route ", re.MULTILINE)
_FAMILIES = ("ipv4", "ipv6")
# This number of prefixes is asked for in one command line, of which Linux takes 2 MiB.
_AT_ONCE = 2000


class Frr(Daemon):
    package: ClassVar[str] = "frr"
    needs: ClassVar[Words] = (str(_PROGRAMS / "zebra"), str(_PROGRAMS / "bgpd"), "vtysh")

    def prepare(self, place: Place) -> None:
        shutil.rmtree(place.run, ignore_errors=True)
        sockets = place.run / "frr"
        sockets.mkdir(parents=True)
        shutil.chown(sockets, "frr", "frr")
        # Without this file vtysh reads that of the machine; `vtysh -b`, which images of FRR need, reads the other.
        (place.directory / "vtysh.conf").touch()
        (place.directory / "frr.conf").unlink(missing_ok=True)
        (place.directory / "frr.conf").symlink_to(place.configuration)

    def programs(self, place: Place) -> Mapping[str, Words]:
        names = ["zebra", "bgpd"]
        if _MANAGEMENT.exists():
            names.insert(1, "mgmtd")
        if _STATIC_ROUTE.search(place.configuration.read_text(errors="replace")):
            names.append("staticd")
        return {name: _command(place, name) for name in names}

    def tools(self, place: Place) -> Mapping[str, Words]:
        return {
            "vtysh": ("vtysh", "--vty_socket", str(place.run / "frr"), "--config_dir", str(place.directory)),
        }

    def _vtysh(self, place: Place, *lines: str) -> Words:
        return (*self.tools(place)["vtysh"], *(word for line in lines for word in ("-c", line)))

    def is_ready(self, place: Place) -> bool:
        """vtysh answers for those that it finds: all have to be there."""
        return all(
            answer((*self._vtysh(place), "-d", name, "-c", "show version")) is not None for name in self.programs(place)
        )

    def configure(self, place: Place) -> str:
        done = subprocess.run(
            (*self.tools(place)["vtysh"], "-f", str(place.configuration)), capture_output=True, text=True, check=False
        )
        return "" if done.returncode == 0 else (done.stdout + done.stderr).strip()

    def sessions(self, place: Place) -> tuple[Session, ...] | None:
        shown = json_answer(self._vtysh(place, "show bgp neighbors json"))
        if shown is None:
            return None
        return tuple(Session(peer, one["bgpState"]) for peer, one in shown.items() if isinstance(one, dict))

    def routes(self, place: Place) -> tuple[BgpRoute, ...] | None:
        """A table of FRR 8.4 shows no communities: each prefix is asked for, many at once."""
        questions: list[str] = []
        for family in _FAMILIES:
            table = json_answer(self._vtysh(place, f"show bgp {family} unicast json"))
            if table is None:
                return None
            questions += [f"show bgp {family} unicast {prefix} json" for prefix in table.get("routes", ())]
        texts = [answer(self._vtysh(place, *some)) for some in _batches(questions)]
        return tuple(route for text in texts for route in _routes(_values(text or "")))


def _command(place: Place, name: str) -> Words:
    command = (str(_PROGRAMS / name), "-P", "0", "-f", "/dev/null", "--log", "stdout")
    return place.with_private_run(*(command if name in _FIRST else ("sh", "-c", _AFTER_ZEBRA, "sh", *command)))


def _batches(questions: list[str]) -> Iterator[list[str]]:
    remaining = iter(questions)
    while some := list(itertools.islice(remaining, _AT_ONCE)):
        yield some


def _values(text: str) -> Iterator[dict[str, Any]]:
    """One JSON object after the other."""
    decoder = json.JSONDecoder()
    text = text.strip()
    while text.startswith("{"):
        value, end = decoder.raw_decode(text)
        yield value
        text = text[end:].strip()


def _routes(shown: Iterable[dict[str, Any]]) -> Iterator[BgpRoute]:
    for one in shown:
        for path in one.get("paths", ()):
            if path.get("bestpath", {}).get("overall"):
                yield _route(one["prefix"], path)


def _route(prefix: str, path: dict[str, Any]) -> BgpRoute:
    hops = [hop["ip"] for hop in path.get("nexthops", ()) if "ip" in hop and hop.get("scope") != "link-local"]
    communities = [
        *path.get("community", {}).get("list", ()),
        *path.get("largeCommunity", {}).get("list", ()),
        *(text.lower() for text in path.get("extendedCommunity", {}).get("string", "").split()),
    ]
    return BgpRoute(
        prefix=prefix,
        next_hop="" if path.get("sourced") else next(iter(hops), ""),
        as_path=path.get("aspath", {}).get("string", "").replace("Local", "").strip(),
        local_pref=path.get("locPrf"),
        communities=tuple(sorted(communities)),
        stale=bool(path.get("stale")),
    )
