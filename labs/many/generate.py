"""Writes a lab of any size: cluster nodes on one switch, two route reflectors, a block on every node.

    python labs/many/generate.py 50 /tmp/many      # /tmp/many/many.clab.yml, resources/, expectations.yml
    bgpctl lab up /tmp/many/many.clab.yml

`--pods` gives every node a pod, which doubles the namespaces. Every node has a session with both reflectors and a
kernel route to the block of every other node.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

REFLECTORS = ("rr1", "rr2")
_MOST = 4000
# The node's end of the link to its pod, on every node.
_POD_GATEWAY = "169.254.1.1"


def node_name(number: int) -> str:
    return f"n{number}"


def address(number: int) -> str:
    """Of node `number` from 1; the reflectors are in 10.1.0.0/24."""
    return f"10.1.{1 + number // 250}.{1 + number % 250}"


def block(number: int) -> str:
    """A /26 of 10.244.0.0/14."""
    return f"10.{244 + number // 1024}.{number // 4 % 256}.{number % 4 * 64}/26"


def pod_address(number: int) -> str:
    network = block(number).partition("/")[0]
    first, _, last = network.rpartition(".")
    return f"{first}.{int(last) + 2}"


def topology(nodes: int, *, pods: bool, name: str) -> Iterator[str]:
    yield f"""# {nodes} cluster nodes and two reflectors on one switch; written by labs/many/generate.py.
name: {name}
topology:
  defaults:
    kind: linux
    sysctls: {{net.ipv4.ip_forward: 1, net.ipv6.conf.default.accept_dad: 0}}
  groups:
    node: {{labels: {{bgpctl-role: node}}, binds: ["resources:/etc/bgpctl/resources"]}}
    reflector: {{labels: {{bgpctl-role: reflector}}, binds: ["resources:/etc/bgpctl/resources"]}}
    pod:
      labels: {{bgpctl-role: host}}
      exec: [ip route add {_POD_GATEWAY} dev eth1 scope link, ip route replace default via {_POD_GATEWAY} dev eth1]
  nodes:
    switch: {{kind: bridge}}"""
    for reflector in REFLECTORS:
        yield f"    {reflector}: {{group: reflector}}"
    for number in range(1, nodes + 1):
        yield _node(number, pods=pods)
    yield "  links:"
    for number, reflector in enumerate(REFLECTORS, start=1):
        yield f'    - {{endpoints: ["{reflector}:eth1", "switch:{reflector}"], ipv4: [10.1.0.{number}/16]}}'
    for number in range(1, nodes + 1):
        name = node_name(number)
        yield f'    - {{endpoints: ["{name}:eth1", "switch:{name}"], ipv4: [{address(number)}/16]}}'
        if pods:
            addresses = f"{pod_address(number)}/32, {_POD_GATEWAY}/32"
            yield f'    - {{endpoints: ["pod-{name}:eth1", "{name}:cali1"], ipv4: [{addresses}]}}'


def _node(number: int, *, pods: bool) -> str:
    name = node_name(number)
    if not pods:
        return f"    {name}: {{group: node}}"
    return f"""    {name}:
      group: node
      exec:
        - ip route add {pod_address(number)} dev cali1 scope link
    pod-{name}: {{group: pod}}"""


def resources(nodes: int) -> Iterator[str]:
    yield """apiVersion: projectcalico.org/v3
kind: BGPConfiguration
metadata: {name: default}
spec: {asNumber: 64512, nodeToNodeMeshEnabled: false}
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: nodes-to-reflectors}
spec: {nodeSelector: "!has(route-reflector)", peerSelector: has(route-reflector)}
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: between-reflectors}
spec: {nodeSelector: has(route-reflector), peerSelector: has(route-reflector)}
---
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: {name: pods}
spec: {cidr: 10.244.0.0/14, blockSize: 26}"""
    for number, reflector in enumerate(REFLECTORS, start=1):
        yield f"""---
apiVersion: projectcalico.org/v3
kind: Node
metadata: {{name: {reflector}, labels: {{route-reflector: "true"}}}}
spec: {{bgp: {{ipv4Address: 10.1.0.{number}/16, routeReflectorClusterID: 244.0.0.1}}}}"""
    for number in range(1, nodes + 1):
        name, own = node_name(number), block(number)
        yield f"""---
apiVersion: projectcalico.org/v3
kind: Node
metadata: {{name: {name}}}
spec: {{bgp: {{ipv4Address: {address(number)}/16}}}}
---
apiVersion: projectcalico.org/v3
kind: BlockAffinity
metadata: {{name: {name}-{own.translate(str.maketrans("./", "--"))}}}
spec: {{node: {name}, cidr: {own}, state: confirmed}}"""


def expectations(nodes: int, *, pods: bool) -> Iterator[str]:
    """Sessions of all; the route to each node's block on the node behind it, around the ring."""
    names = [node_name(number) for number in range(1, nodes + 1)]
    yield f"within: {60 + nodes}"
    yield "sessions:"
    yield f"  - {{between: [{', '.join(names)}], and: [{', '.join(REFLECTORS)}]}}"
    yield f"  - {{between: [{', '.join(REFLECTORS)}]}}"
    yield "routes:"
    for number in range(1, nodes + 1):
        to, behind = block(number), node_name(number % nodes + 1)
        yield f"  - {{to: {to}, via: {address(number)}, dev: eth1, on: [{behind}]}}"
    if pods:
        yield "pings:"
        yield from (f"  pod-{node_name(number)}: {pod_address(number)}" for number in range(1, nodes + 1))


def write(nodes: int, directory: Path, *, pods: bool = False, name: str = "many") -> Path:
    """Writes all files of the lab and returns that of its topology. `nodes` is from 2 to 4000."""
    if not 2 <= nodes <= _MOST:
        raise ValueError(f"from 2 to {_MOST} nodes")
    (directory / "resources").mkdir(parents=True, exist_ok=True)
    (directory / "resources" / "cluster.yaml").write_text("\n".join(resources(nodes)) + "\n")
    (directory / "expectations.yml").write_text("\n".join(expectations(nodes, pods=pods)) + "\n")
    file = directory / f"{name}.clab.yml"
    file.write_text("\n".join(topology(nodes, pods=pods, name=name)) + "\n")
    return file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("nodes", type=int, help="how many cluster nodes")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--pods", action="store_true", help="a pod on every node")
    arguments = parser.parse_args()
    print(write(arguments.nodes, arguments.directory, pods=arguments.pods))


if __name__ == "__main__":
    main()
