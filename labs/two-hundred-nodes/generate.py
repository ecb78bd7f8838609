"""Writes the lab two-hundred-nodes: topology, resources, expectations.

    python labs/two-hundred-nodes/generate.py [--nodes 200] [--into DIRECTORY]

Three zones a, b and c in 10.0.1.0, 10.0.2.0 and 10.0.3.0, a pair of reflectors and a third of the nodes in each. Node
number i of a zone is .i, its reflectors are .201 and .202, and the third octet is that of the cluster ID. Blocks of 64
addresses are given out in the order of the nodes, two nodes of each zone have a pod.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from itertools import islice, product
from pathlib import Path

NAME = "two-hundred-nodes"
ZONES = "abc"
POOL = IPv4Network("10.244.0.0/16")
BLOCK_LENGTH = 26
GATEWAY = "10.0.255.254"
PODS_IN_A_ZONE = 2
# The fourth octet of the reflectors of a zone; nodes are below.
FIRST_REFLECTOR = 201


@dataclass(frozen=True, slots=True)
class Member:
    """A node, or a reflector of a zone, which has no block."""

    name: str
    zone: str
    address: str
    block: IPv4Network | None = None
    has_pod: bool = False

    @property
    def pod_address(self) -> IPv4Address:
        assert self.block is not None
        return self.block[2]


def nodes_of(count: int) -> list[Member]:
    """Dealt out to the zones one by one: a1, b1, c1, a2, ..."""
    blocks = POOL.subnets(new_prefix=BLOCK_LENGTH)
    return [
        Member(f"{zone}{turn}", zone, _address(zone, turn), next(blocks), turn <= PODS_IN_A_ZONE)
        for turn, zone in islice(product(range(1, FIRST_REFLECTOR), ZONES), count)
    ]


def reflectors() -> list[Member]:
    return [
        Member(f"rr-{zone}{number}", zone, _address(zone, FIRST_REFLECTOR + number - 1))
        for zone in ZONES
        for number in (1, 2)
    ]


def _address(zone: str, last: int) -> str:
    return f"10.0.{ZONES.index(zone) + 1}.{last}"


# ----------------------------------------------------------------------------------------------- topology

TOPOLOGY = f"""# Written by generate.py: change that one.
name: {NAME}
topology:
  defaults:
    kind: linux
    # Only containerlab reads these two. To run the agents there as well, take an image that starts `bgpctl agent`.
    image: ghcr.io/srl-labs/network-multitool
    network-mode: none
    sysctls:
      net.ipv4.ip_forward: 1
      net.ipv4.conf.all.rp_filter: 0
      net.ipv4.conf.default.rp_filter: 0
      net.ipv6.conf.default.accept_dad: 0
  groups:
    node:
      labels: {{bgpctl-role: node}}
      binds: ["resources:/etc/bgpctl/resources"]
      exec:
        - ip route add default via {GATEWAY}
    reflector:
      labels: {{bgpctl-role: reflector}}
      binds: ["resources:/etc/bgpctl/resources"]
    pod:
      labels: {{bgpctl-role: pod}}
      exec:
        - ip route add 169.254.1.1 dev eth1 scope link
        - ip route replace default via 169.254.1.1 dev eth1
  nodes:
    switch: {{kind: bridge, exec: ["ip address add {GATEWAY}/16 dev switch"]}}
"""


def topology(nodes: list[Member], pairs: list[Member]) -> Iterator[str]:
    yield TOPOLOGY
    for reflector in pairs:
        yield f"    {reflector.name}: {{group: reflector}}\n"
    for node in nodes:
        yield from _node(node)
    yield "  links:\n"
    for member in (*pairs, *nodes):
        ends = f'["{member.name}:eth1", "switch:{member.name}"]'
        yield f"    - {{endpoints: {ends}, ipv4: [{member.address}/16]}}\n"
    for node in _with_pods(nodes):
        ends = f'["pod-{node.name}:eth1", "{node.name}:cali1"]'
        yield f"    - {{endpoints: {ends}, ipv4: [{node.pod_address}/32]}}\n"


def _node(node: Member) -> Iterator[str]:
    if not node.has_pod:
        yield f"    {node.name}: {{group: node}}\n"
        return
    yield f"    {node.name}:\n      group: node\n      exec:\n"
    yield f"        - ip route add {node.pod_address} dev cali1 scope link\n"
    yield "        - sysctl -w net.ipv4.conf.cali1.proxy_arp=1 net.ipv4.neigh.cali1.proxy_delay=0\n"
    yield f"    pod-{node.name}: {{group: pod}}\n"


def _with_pods(nodes: Iterable[Member]) -> list[Member]:
    return [node for node in nodes if node.has_pod]


# ---------------------------------------------------------------------------------------------- resources


def resource(kind: str, name: str, spec: str, metadata: str = "") -> str:
    """One document; `metadata` is what there is of it beside the name."""
    more = f", {metadata}" if metadata else ""
    head = f"apiVersion: projectcalico.org/v3\nkind: {kind}\nmetadata: {{name: {name}{more}}}\n"
    return f"---\n{head}spec: {spec}\n"


def node_resource(member: Member) -> str:
    address = f"ipv4Address: {member.address}/16"
    if member.block is not None:
        return resource("Node", member.name, f"{{bgp: {{{address}}}}}", f"labels: {{zone: {member.zone}}}")
    cluster = f"routeReflectorClusterID: 244.0.{ZONES.index(member.zone) + 1}.0"
    labels = f'labels: {{zone: {member.zone}, route-reflector: "true"}}'
    return resource("Node", member.name, f"{{bgp: {{{address}, {cluster}}}}}", labels)


def block_resource(node: Member) -> str:
    name = f"{node.name}-{str(node.block).replace('.', '-').replace('/', '-')}"
    return resource("BlockAffinity", name, f"{{node: {node.name}, cidr: {node.block}, state: confirmed}}")


def peerings() -> Iterator[str]:
    for zone in ZONES:
        nodes = f"!has(route-reflector) && zone == '{zone}'"
        pair = f"has(route-reflector) && zone == '{zone}'"
        yield resource("BGPPeer", f"zone-{zone}", f'{{nodeSelector: "{nodes}", peerSelector: "{pair}"}}')
    everyone = "nodeSelector: has(route-reflector), peerSelector: has(route-reflector)"
    # All paths of a block have one next hop; their number would grow with that of the pairs.
    yield resource("BGPPeer", "between-pairs", f"{{{everyone}}}", 'annotations: {bgpctl.io/add-path: "off"}')


def configuration() -> Iterator[str]:
    spec = "{asNumber: 64512, nodeToNodeMeshEnabled: false}"
    yield resource("BGPConfiguration", "default", spec, "annotations: {bgpctl.io/hold-time: 90s}")
    yield resource("IPPool", "pods", f"{{cidr: {POOL}, blockSize: {BLOCK_LENGTH}}}")


# ------------------------------------------------------------------------------------------- expectations


def expectations(nodes: list[Member], pairs: list[Member]) -> Iterator[str]:
    yield "# Written by generate.py: change that one.\nwithin: 300\nsets:\n"
    for zone in ZONES:
        yield f"  zone-{zone}: [{', '.join(node.name for node in nodes if node.zone == zone)}]\n"
        yield f"  pair-{zone}: [{', '.join(each.name for each in pairs if each.zone == zone)}]\n"
    yield "sessions:\n"
    for zone in ZONES:
        yield f"  - {{between: zone-{zone}, and: pair-{zone}}}\n"
    yield f"  - {{between: [{', '.join(f'pair-{zone}' for zone in ZONES)}]}}\n"
    yield "# Every block on every node of the other two zones.\nroutes:\n"
    for node in nodes:
        others = ", ".join(f"zone-{zone}" for zone in ZONES if zone != node.zone)
        yield f"  - {{to: {node.block}, via: {node.address}, dev: eth1, on: [{others}]}}\n"
    yield "pings:\n"
    for node in _with_pods(nodes):
        yield f"  pod-{node.name}: {node.pod_address}\n"
    yield EVENTS


EVENTS = """events:
  - name: one reflector of each pair is dead
    do: [kill rr-a1, kill rr-b1, kill rr-c1]
    expect:
      sessions:
        - {down: [rr-a1, rr-b1, rr-c1], and: [zone-a, zone-b, zone-c, pair-a, pair-b, pair-c]}
    within: 120
    lose at most: 0
  - name: a pair is dead
    do: [kill rr-c1, kill rr-c2]
    expect:
      sessions:
        - {down: pair-c, and: [zone-c, pair-a, pair-b, pair-c]}
    within: 120
    lose at most: 0
  - name: an upgrade of the nodes that have pods, one after the other
    do: ["roll a1,b1,c1,a2,b2,c2"]
    within: 120
    lose at most: 0
"""


def write(into: Path, count: int) -> None:
    """Every file of the lab but its README."""
    nodes, pairs = nodes_of(count), reflectors()
    resources = into / "resources"
    resources.mkdir(parents=True, exist_ok=True)
    files = {
        into / f"{NAME}.clab.yml": topology(nodes, pairs),
        into / "expectations.yml": expectations(nodes, pairs),
        resources / "nodes.yaml": map(node_resource, nodes),
        resources / "reflectors.yaml": map(node_resource, pairs),
        resources / "blocks.yaml": map(block_resource, nodes),
        resources / "peers.yaml": peerings(),
        resources / "configuration.yaml": configuration(),
    }
    for file, parts in files.items():
        file.write_text("".join(parts))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--nodes", type=int, default=200, help="beside the six reflectors")
    arguments.add_argument("--into", type=Path, default=Path(__file__).parent, metavar="DIRECTORY")
    given = arguments.parse_args()
    write(given.into, given.nodes)


if __name__ == "__main__":
    main()
