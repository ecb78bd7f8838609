"""GoBGP: gobgpd reads its file (TOML, YAML or JSON, by its name), `gobgp` asks on a Unix socket.

It keeps routes of its own in no file: a node's `exec` adds them with `gobgp global rib add`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from bgpctl.lab.daemons.bgp_view import BgpRoute, Session
from bgpctl.lab.daemons.daemon import Daemon, Place, Words, json_answer

_FORMATS = {".yaml": "yaml", ".yml": "yaml", ".json": "json"}
# Numbers of its API: session_state, and the attribute types of RFC 4271 5 and its successors.
_STATES = ("Idle", "Idle", "Connect", "Active", "OpenSent", "OpenConfirm", "Established")
_AS_PATH, _NEXT_HOP, _LOCAL_PREF, _COMMUNITIES, _MP_REACH_NLRI = 2, 3, 5, 8, 14
_EXTENDED_COMMUNITIES, _LARGE_COMMUNITIES = 16, 32
_AS_SET = 1
_ROUTE_TARGET = 2


class GoBgp(Daemon):
    package: ClassVar[str] = "gobgpd"
    needs: ClassVar[Words] = ("gobgpd", "gobgp")

    def prepare(self, place: Place) -> None:
        (place.directory / "gobgp.sock").unlink(missing_ok=True)

    def programs(self, place: Place) -> Mapping[str, Words]:
        form = _FORMATS.get(place.configuration.suffix, "toml")
        file = ("-f", str(place.configuration), "-t", form)
        return {"gobgpd": ("gobgpd", *file, "--pprof-disable", "--api-hosts", _api(place))}

    def tools(self, place: Place) -> Mapping[str, Words]:
        return {"gobgp": ("gobgp", "--target", _api(place))}

    def _json(self, place: Place, *words: str) -> Any:
        return json_answer((*self.tools(place)["gobgp"], "-j", *words))

    def is_ready(self, place: Place) -> bool:
        """It answers before it has read its file, and then has no AS number."""
        shown = self._json(place, "global")
        return bool(shown and shown.get("asn", shown.get("as")))

    def sessions(self, place: Place) -> tuple[Session, ...] | None:
        shown = self._json(place, "neighbor")
        return None if shown is None else tuple(map(_session, shown))

    def routes(self, place: Place) -> tuple[BgpRoute, ...] | None:
        found: list[BgpRoute] = []
        for family in ("ipv4", "ipv6"):
            table = self._json(place, "global", "rib", "-a", family)
            if table is None:
                return None
            found += [_route(prefix, paths[0]) for prefix, paths in table.items() if paths and paths[0].get("best")]
        return tuple(found)


def _api(place: Place) -> str:
    return f"unix://{place.directory}/gobgp.sock"


def _session(neighbor: dict[str, Any]) -> Session:
    state = neighbor.get("state", {})
    number = state.get("session_state", 0)
    word = _STATES[number] if isinstance(number, int) else str(number).capitalize()
    return Session(state.get("neighbor_address") or neighbor.get("conf", {}).get("neighbor_address", ""), word)


def _route(prefix: str, path: dict[str, Any]) -> BgpRoute:
    attributes = {attribute["type"]: attribute for attribute in path["attrs"]}
    hop = attributes.get(_NEXT_HOP) or attributes.get(_MP_REACH_NLRI) or {}
    is_own = path.get("neighbor-ip") in (None, "<nil>")
    return BgpRoute(
        prefix=prefix,
        next_hop="" if is_own else hop.get("nexthop", ""),
        as_path=" ".join(map(_segment, attributes.get(_AS_PATH, {}).get("as_paths") or ())),
        local_pref=attributes.get(_LOCAL_PREF, {}).get("value"),
        communities=tuple(sorted(_communities(attributes))),
        stale=bool(path.get("stale")),
    )


def _segment(segment: dict[str, Any]) -> str:
    numbers = " ".join(map(str, segment.get("asns") or ()))
    return f"{{{numbers}}}" if segment.get("segment_type") == _AS_SET else numbers


def _communities(attributes: Mapping[int, dict[str, Any]]) -> Iterator[str]:
    for number in attributes.get(_COMMUNITIES, {}).get("communities", ()):
        yield f"{number >> 16}:{number & 0xFFFF}"
    for one in attributes.get(_LARGE_COMMUNITIES, {}).get("value", ()):
        yield f"{one['ASN']}:{one['LocalData1']}:{one['LocalData2']}"
    for one in attributes.get(_EXTENDED_COMMUNITIES, {}).get("value", ()):
        if one.get("subtype") == _ROUTE_TARGET:
            yield f"rt:{one['value']}"
