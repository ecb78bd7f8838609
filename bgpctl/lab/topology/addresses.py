"""Which node has which address, as far as the topology has it: on its links, and in `ip address add` of its `exec`.

An address that several nodes have (anycast) is left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from bgpctl.lab.topology.topology import Node, Topology

_OBJECTS = ("a", "addr", "address")
_VERBS = ("add", "change", "replace")


def node_of_address(topology: Topology) -> dict[str, str]:
    """Address without prefix length -> name of its node."""
    pairs = set(_on_links(topology))
    for node in topology.nodes:
        pairs |= {(address, node.name) for address in _in_commands(node)}
    owners = Counter(address for address, _ in pairs)
    return {address: name for address, name in pairs if owners[address] == 1}


def _on_links(topology: Topology) -> Iterator[tuple[str, str]]:
    for link in topology.links:
        for end in link.endpoints:
            for address in end.addresses:
                yield address.partition("/")[0], end.node


def _in_commands(node: Node) -> Iterator[str]:
    for command in node.exec:
        program, *words = [word for word in command.words if not word.startswith("-")] or [""]
        if program == "ip" and len(words) > 2 and words[0] in _OBJECTS and words[1] in _VERBS:
            yield words[2].partition("/")[0]
