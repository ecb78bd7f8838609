"""Frames that leave an interface and are redirected: they are dropped, or pass through a process
(traffic/impairment.py).

By `mirred` filters on the egress hook of the interface (tc-mirred(8)), which any kernel with containers has: before its
queueing discipline, after routing. Nothing that its node knows of its links changes. Priorities keep two things apart:
what is dropped by address comes first, then all that passes through the process.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from bgpctl.lab.actions.action import RunningLab, run
from bgpctl.lab.topology.links import Endpoint

# A pair whose far end has no addresses: every frame that enters it is dropped.
_SINK, _SINK_END = "nowhere", "nowhere-end"
_BGP_4, _BGP_6, _DROP_4, _DROP_6, _INTO_PROCESS = 8, 9, 10, 11, 20
_BGP_PORT = 179


def drop_addresses(lab: RunningLab, end: Endpoint, addresses: Iterable[str]) -> None:
    """What leaves by this end for one of the addresses is dropped."""
    with lab.inside(end.node):
        _make_sink()
        _hook(end)
        lines = [_drop(end.interface, address) for address in addresses]
        run(["tc", "-batch", "-"], "\n".join(lines) + "\n")


def _drop(interface: str, address: str) -> str:
    if ":" in address:
        match = f"pref {_DROP_6} protocol ipv6 u32 match ip6 dst {address}/128"
    else:
        match = f"pref {_DROP_4} protocol ip u32 match ip dst {address}/32"
    return f"filter add dev {interface} egress {match} action mirred egress redirect dev {_SINK}"


def release_addresses(lab: RunningLab, end: Endpoint) -> None:
    for priority in (_DROP_4, _DROP_6):
        _remove(lab, end, priority)


def drop_bgp(lab: RunningLab, end: Endpoint) -> None:
    """Segments of BGP sessions that leave by this end are dropped; everything else passes."""
    with lab.inside(end.node):
        _make_sink()
        _hook(end)
        families = ((_BGP_4, "ip", "ip"), (_BGP_6, "ipv6", "ip6"))
        lines = [
            f"filter add dev {end.interface} egress pref {priority} protocol {protocol} u32 "
            f"match {word} protocol 6 0xff match {word} {port} {_BGP_PORT} 0xffff "
            f"action mirred egress redirect dev {_SINK}"
            for priority, protocol, word in families
            for port in ("sport", "dport")
        ]
        run(["tc", "-batch", "-"], "\n".join(lines) + "\n")


def release_bgp(lab: RunningLab, end: Endpoint) -> None:
    for priority in (_BGP_4, _BGP_6):
        _remove(lab, end, priority)


def into_process(lab: RunningLab, end: Endpoint, name: str) -> None:
    """`name`: the TAP interface of the process."""
    with lab.inside(end.node):
        _hook(end)
        run(["tc", *_everything(end.interface, _INTO_PROCESS, name)])


def past_process(lab: RunningLab, end: Endpoint) -> None:
    _remove(lab, end, _INTO_PROCESS)


def _everything(interface: str, priority: int, to: str) -> list[str]:
    match = f"pref {priority} protocol all u32 match u32 0 0"
    return f"filter add dev {interface} egress {match} action mirred egress redirect dev {to}".split()


def prepare(lab: RunningLab, end: Endpoint) -> None:
    """The hook by itself. The kernel takes the link out of use while it is made, which is some 20 ms of packets."""
    with lab.inside(end.node):
        _hook(end)


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


def _remove(lab: RunningLab, end: Endpoint, priority: int) -> None:
    with lab.inside(end.node):
        filters = run(["tc", "filter", "show", "dev", end.interface, "egress"])
        if f"pref {priority} " in filters:
            run(["tc", "filter", "del", "dev", end.interface, "egress", "pref", str(priority)])
