"""Links and addresses as lines for `ip -batch`. Both ends of a veth pair are born inside their namespaces.

The first endpoint's namespace makes the pair, so nothing of a lab is ever in the namespace of this machine, not
even for a moment, and interface names need to be unique in their node only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from bgpctl.lab.netns.batch import Line
from bgpctl.lab.topology.links import Endpoint, Link


def creation(links: Iterable[Link], node: str, namespace: Callable[[str], str]) -> list[Line]:
    """What `node` makes: the links of which it is the first endpoint. `namespace` names that of a node."""
    return [Line(_add(link, namespace), link.line, link.path) for link in links if link.endpoints[0].node == node]


def _add(link: Link, namespace: Callable[[str], str]) -> tuple[str, ...]:
    first, *others = link.endpoints
    words = ("link", "add", *_interface(first, link.mtu))
    if not others:
        return (*words, "type", "dummy")
    (second,) = others
    peer = (*_interface(second, link.mtu), "netns", namespace(second.node))
    return (*words, "type", "veth", "peer", *peer)


def _interface(end: Endpoint, mtu: int) -> tuple[str, ...]:
    words: tuple[str, ...] = ("name", end.interface)
    if end.mac:
        words += ("address", end.mac.replace("-", ":"))
    if mtu:
        words += ("mtu", str(mtu))
    return words


def configuration(links: Iterable[Link], node: str, bridge: str = "") -> list[Line]:
    """What `node` does with its ends of all links once they exist: addresses, then up; ports of `bridge`, if any."""
    lines = [Line(("link", "set", "lo", "up"), 0, "")]
    if bridge:
        lines += [Line(("link", "add", "name", bridge, "type", "bridge"), 0, "")]
        lines += [Line(("link", "set", "dev", bridge, "up"), 0, "")]
    for link in links:
        for end in link.endpoints:
            if end.node == node:
                for address in end.addresses:
                    words = ("address", "add", address, "dev", end.interface)
                    lines.append(Line(words, link.line, link.path))
                port = ("master", bridge) if bridge else ()
                lines.append(Line(("link", "set", "dev", end.interface, *port, "up"), link.line, link.path))
    return lines
