"""BIRD 2 (and 3): one process that reads its configuration itself, `birdc` on its control socket."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

from bgpctl.lab.daemons.bgp_view import BgpRoute, Session
from bgpctl.lab.daemons.daemon import Daemon, Place, Words, answer

# `10.0.0.0/24   unicast [peer1 20:25:02.851] * (100) [AS65002i]`: the star is on the best route of the prefix, and a
# further route of the same prefix begins with blanks.
_HEAD = re.compile(r"^(?P<prefix>[0-9a-fA-F.:]+/\d+)?\s+\w+ \[[^\]]*\](?P<best> \*)?.*$", re.MULTILINE)
_PROTOCOL = re.compile(r"^\S+\s+BGP\s.*$", re.MULTILINE)
# `name  BGP  table  state  since  info`: a protocol that is not disabled is "start" or "up".
_STATE_COLUMN, _DISABLED = 3, "down"
_ATTRIBUTE = re.compile(r"^\s+(?:BGP\.|bgp_)(\w+): ?(.*)$", re.MULTILINE)
# Of all other types (device, static, kernel) only static ones are the node's own in the sense of BGP.
_TYPE = re.compile(r"^\s+(?:Type|source): (\w+)", re.MULTILINE)

# RFC 9494 4.6
_LLGR_STALE = "65535:6"


class Bird(Daemon):
    package: ClassVar[str] = "bird2"
    needs: ClassVar[Words] = ("bird", "birdc")

    def programs(self, place: Place) -> Mapping[str, Words]:
        # One that was killed has left its socket, and its routes in the kernel, which BIRD keeps with -R. After an
        # orderly end, and at the first start, there is nothing to keep.
        recovery = ("-R",) if Path(_socket(place)).exists() else ()
        return {"bird": ("bird", "-f", *recovery, "-c", str(place.configuration), "-s", _socket(place))}

    def tools(self, place: Place) -> Mapping[str, Words]:
        return {"birdc": ("birdc", "-s", _socket(place))}

    def is_ready(self, place: Place) -> bool:
        return "Daemon is up" in (self._birdc(place, "show", "status") or "")

    def _birdc(self, place: Place, *words: str) -> str | None:
        return answer((*self.tools(place)["birdc"], *words))

    def sessions(self, place: Place) -> tuple[Session, ...] | None:
        text = self._birdc(place, "show", "protocols", "all")
        return None if text is None else tuple(_sessions(text))

    def routes(self, place: Place) -> tuple[BgpRoute, ...] | None:
        text = self._birdc(place, "show", "route", "all")
        return None if text is None else tuple(_routes(text))


def _socket(place: Place) -> str:
    return str(place.directory / "bird.ctl")


def _sessions(text: str) -> Iterator[Session]:
    """Of every protocol of type BGP the block behind its line. One that is disabled is no session."""
    heads = list(_PROTOCOL.finditer(text))
    for head, end in zip(heads, [*(each.start() for each in heads[1:]), len(text)], strict=True):
        block = text[head.end() : end]
        address = re.search(r"^\s+Neighbor (?:address|range): (\S+)", block, re.MULTILINE)
        state = re.search(r"^\s+BGP state:\s+(\S+)", block, re.MULTILINE)
        if address and state and head[0].split()[_STATE_COLUMN] != _DISABLED:
            # A protocol that waits is "Down" or "Passive" in BIRD's words: Idle and Active (RFC 4271 8.2.2).
            word = {"Down": "Idle", "Passive": "Active"}.get(state[1], state[1])
            yield Session(address[1], word)


def _routes(text: str) -> Iterator[BgpRoute]:
    heads = list(_HEAD.finditer(text))
    prefix = ""
    for head, end in zip(heads, [*(each.start() for each in heads[1:]), len(text)], strict=True):
        prefix = head["prefix"] or prefix
        block = text[head.end() : end]
        kind = _TYPE.search(block)
        if head["best"] and kind and kind[1] in ("BGP", "static"):
            yield _route(prefix, block, own=kind[1] == "static")


def _route(prefix: str, block: str, *, own: bool) -> BgpRoute:
    found = dict(_ATTRIBUTE.findall(block))
    next_hop = "" if own else found.get("next_hop", "").partition(" ")[0]
    local_pref = found.get("local_pref")
    return BgpRoute(
        prefix=prefix,
        next_hop=next_hop,
        as_path=found.get("as_path", "").strip(),
        local_pref=int(local_pref) if local_pref else None,
        communities=tuple(sorted(_communities(found))),
        # It does not show what it keeps for a peer that restarts, only what is kept for long.
        stale=_LLGR_STALE in _communities(found),
    )


def _communities(found: Mapping[str, str]) -> Iterator[str]:
    for attribute in ("community", "large_community", "ext_community"):
        for one in re.findall(r"\(([^)]*)\)", found.get(attribute, "")):
            yield re.sub(r"\s*,\s*", ":", one.strip())
