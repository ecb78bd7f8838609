"""OpenBGPD: its configuration is included from a file of the lab, which sets its control socket.

It changes its root to /run/openbgpd, which its service unit makes, and puts its socket into /run: it runs with a
private /run. Its command line is called `bgpctl` like ours. So a checkout has it in a directory that is not on PATH
(requirements/openbgpd), and only in its own node the name `bgpctl` means OpenBGPD's. On Linux it has no kernel routes.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from bgpctl.lab.daemons.bgp_view import BgpRoute, Session
from bgpctl.lab.daemons.daemon import Daemon, Place, Words, json_answer

_SOCKET = "bgpd.sock"


def openbgpd_program(name: str) -> str:
    """The path of its `bgpd` or `bgpctl`: beside this Python environment, else where Debian's package has it."""
    unpacked = Path(sys.prefix) / "openbgpd/usr/sbin" / name
    return str(unpacked if unpacked.exists() else Path("/usr/sbin") / name)


_BGPD, _BGPCTL = openbgpd_program("bgpd"), openbgpd_program("bgpctl")


class OpenBgpd(Daemon):
    package: ClassVar[str] = "openbgpd"
    needs: ClassVar[Words] = (_BGPD, _BGPCTL)

    def prepare(self, place: Place) -> None:
        """It refuses a configuration that others may read, but not an included one."""
        shutil.rmtree(place.run, ignore_errors=True)
        (place.run / "openbgpd").mkdir(mode=0o755, parents=True)
        file = place.run / "bgpd.conf"
        file.touch(mode=0o600)
        file.write_text(f'include "{place.configuration}"\nsocket "/run/{_SOCKET}"\n')

    def programs(self, place: Place) -> Mapping[str, Words]:
        return {"bgpd": place.with_private_run(_BGPD, "-d", "-f", "/run/bgpd.conf")}

    def tools(self, place: Place) -> Mapping[str, Words]:
        return {"bgpctl": (_BGPCTL, "-s", str(place.run / _SOCKET))}

    def _json(self, place: Place, *words: str) -> Any:
        return json_answer((*self.tools(place)["bgpctl"], "-j", *words))

    def is_ready(self, place: Place) -> bool:
        return self._json(place, "show", "summary") is not None

    def sessions(self, place: Place) -> tuple[Session, ...] | None:
        shown = self._json(place, "show", "summary")
        if shown is None:
            return None
        return tuple(Session(one["remote_addr"], one["state"]) for one in shown.get("neighbors", ()))

    def routes(self, place: Place) -> tuple[BgpRoute, ...] | None:
        shown = self._json(place, "show", "rib", "detail")
        if shown is None:
            return None
        return tuple(_route(path) for path in shown.get("rib", ()) if path.get("best"))


def _route(path: dict[str, Any]) -> BgpRoute:
    is_own = path.get("neighbor", {}).get("description") == "LOCAL"
    return BgpRoute(
        prefix=path["prefix"],
        next_hop="" if is_own else path["exit_nexthop"],
        as_path=path.get("aspath", ""),
        local_pref=path.get("localpref"),
        communities=tuple(sorted(_communities(path))),
        stale=bool(path.get("stale")),
    )


def _communities(path: dict[str, Any]) -> Iterator[str]:
    yield from path.get("communities", ())
    yield from path.get("large_communities", ())
    for text in path.get("extended_communities", ()):
        yield text.replace("rt ", "rt:")
