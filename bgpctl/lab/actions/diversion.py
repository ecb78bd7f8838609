"""Frames that leave an interface and are led elsewhere: to nowhere, or into a wire (wire.py).

By `mirred` filters on the egress hook of the interface (tc-mirred(8)), which any kernel with containers has: before its
queueing discipline, after routing. Nothing that its node knows of its links changes. Priorities keep two things apart:
what is swallowed by address comes first, then all that passes the wire.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from bgpctl.lab.actions.action import Stage, run
from bgpctl.lab.topology import Endpoint

# A pair of which the far end has no addresses: it takes every frame, and gives none.
_SINK, _SINK_END = "nowhere", "nowhere-end"
_SWALLOW_4, _SWALLOW_6, _INTO_WIRE = 10, 11, 20
_ALL = 9


def swallow_addresses(stage: Stage, end: Endpoint, addresses: Iterable[str]) -> None:
    """What leaves by this end for one of the addresses goes nowhere."""
    with stage.inside(end.node):
        _make_sink()
        _hook(end)
        lines = [_swallow(end.interface, address) for address in addresses]
        run(["tc", "-batch", "-"], "\n".join(lines) + "\n")


def _swallow(interface: str, address: str) -> str:
    if ":" in address:
        match = f"pref {_SWALLOW_6} protocol ipv6 u32 match ip6 dst {address}/128"
    else:
        match = f"pref {_SWALLOW_4} protocol ip u32 match ip dst {address}/32"
    return f"filter add dev {interface} egress {match} action mirred egress redirect dev {_SINK}"


def release_addresses(stage: Stage, end: Endpoint) -> None:
    for priority in (_SWALLOW_4, _SWALLOW_6):
        _remove(stage, end, priority)


def swallow_all(stage: Stage, end: Endpoint) -> None:
    with stage.inside(end.node):
        _make_sink()
        _hook(end)
        run(["tc", *_everything(end.interface, _ALL, _SINK)])


def release_all(stage: Stage, end: Endpoint) -> None:
    _remove(stage, end, _ALL)


def into_wire(stage: Stage, end: Endpoint, name: str) -> None:
    """`name`: the TAP of the wire."""
    with stage.inside(end.node):
        _hook(end)
        run(["tc", *_everything(end.interface, _INTO_WIRE, name)])


def past_wire(stage: Stage, end: Endpoint) -> None:
    _remove(stage, end, _INTO_WIRE)


def _everything(interface: str, priority: int, to: str) -> list[str]:
    match = f"pref {priority} protocol all u32 match u32 0 0"
    return f"filter add dev {interface} egress {match} action mirred egress redirect dev {to}".split()


def _hook(end: Endpoint) -> None:
    if "clsact" not in run(["tc", "qdisc", "show", "dev", end.interface]):
        run(["tc", "qdisc", "add", "dev", end.interface, "clsact"])


def _make_sink() -> None:
    if f"{_SINK}@" in run(["ip", "-o", "link", "show"]):
        return
    run(["ip", "link", "add", "name", _SINK, "type", "veth", "peer", "name", _SINK_END])
    for name in (_SINK, _SINK_END):
        quiet = Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6")
        if quiet.exists():
            quiet.write_text("1")
        run(["ip", "link", "set", "dev", name, "up"])


def _remove(stage: Stage, end: Endpoint, priority: int) -> None:
    with stage.inside(end.node):
        filters = run(["tc", "filter", "show", "dev", end.interface, "egress"])
        if f"pref {priority} " in filters:
            run(["tc", "filter", "del", "dev", end.interface, "egress", "pref", str(priority)])
