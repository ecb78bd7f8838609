"""Two nodes on a switch with a session between them, a pod on each, and a host that can play a bad peer.

pod-a ── a ──┐
             sw ── host      10.9.0.3, AS 65003, a peer of both
pod-b ── b ──┘
a 10.9.0.1, b 10.9.0.2, AS 64512; pods 10.244.1.2 and 10.244.2.2
"""

from __future__ import annotations

from pathlib import Path

TOPOLOGY = """
name: NAME
topology:
  defaults:
    kind: linux
    sysctls: {net.ipv4.ip_forward: 1, net.ipv6.conf.default.accept_dad: 0}
  groups:
    node: {labels: {bgpctl-role: node}, binds: ["resources:/etc/bgpctl/resources"]}
    pod: {labels: {bgpctl-role: pod}}
  nodes:
    sw: {kind: bridge}
    a: {group: node, exec: [ip route add 192.0.2.0/24 via 10.9.0.3]}
    b: {group: node, labels: {bgpctl-disk: 2m}}
    host: {labels: {bgpctl-role: host}}
    pod-a: {group: pod, exec: [ip route add default via 10.244.1.1]}
    pod-b: {group: pod, exec: [ip route add default via 10.244.2.1]}
  links:
    - {endpoints: ["a:eth1", "sw:p1"], ipv4: [10.9.0.1/24], ipv6: ["fd00::1/64"]}
    - {endpoints: ["b:eth1", "sw:p2"], ipv4: [10.9.0.2/24], ipv6: ["fd00::2/64"]}
    - {endpoints: ["host:eth1", "sw:p3"], ipv4: [10.9.0.3/24], ipv6: ["fd00::3/64"]}
    - {endpoints: ["pod-a:eth1", "a:cali1"], ipv4: [10.244.1.2/24, 10.244.1.1/24]}
    - {endpoints: ["pod-b:eth1", "b:cali1"], ipv4: [10.244.2.2/24, 10.244.2.1/24]}
"""

RESOURCES = """
apiVersion: projectcalico.org/v3
kind: BGPConfiguration
metadata: {name: default, annotations: {bgpctl.io/hold-time: 9s}}
spec: {asNumber: 64512, nodeToNodeMeshEnabled: true}
---
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: {name: pods}
spec: {cidr: 10.244.0.0/16, blockSize: 24, vxlanMode: Never, ipipMode: Never, natOutgoing: false}
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: host, annotations: {bgpctl.io/maximum-prefixes: "100 cease"}}
spec: {peerIP: 10.9.0.3, asNumber: 65003}
---
apiVersion: projectcalico.org/v3
kind: Node
metadata: {name: a}
spec: {bgp: {ipv4Address: 10.9.0.1/24}}
---
apiVersion: projectcalico.org/v3
kind: Node
metadata: {name: b}
spec: {bgp: {ipv4Address: 10.9.0.2/24}}
---
apiVersion: projectcalico.org/v3
kind: BlockAffinity
metadata: {name: a-10-244-1-0-24}
spec: {node: a, cidr: 10.244.1.0/24, state: confirmed}
---
apiVersion: projectcalico.org/v3
kind: BlockAffinity
metadata: {name: b-10-244-2-0-24}
spec: {node: b, cidr: 10.244.2.0/24, state: confirmed}
"""

ANOTHER_BLOCK = """
apiVersion: projectcalico.org/v3
kind: BlockAffinity
metadata: {name: b-10-244-3-0-24}
spec: {node: b, cidr: 10.244.3.0/24, state: confirmed}
"""

EXPECTATIONS = """
sessions:
  - {between: [a, b]}
  - {down: [a, b], and: [host]}
routes:
  - {to: 10.244.1.0/24, via: 10.9.0.1, dev: eth1, on: [b]}
  - {to: 10.244.2.0/24, via: 10.9.0.2, dev: eth1, on: [a]}
bgp:
  - {prefix: 10.244.2.0/24, next_hop: 10.9.0.2, as_path: "", on: [a]}
  - {prefix: 10.244.3.0/24, absent: true, on: [a]}
pings:
  pod-a: 10.244.1.2
  pod-b: 10.244.2.2
"""


# Each is undone before the next. Most of them may not cost a packet: the kernel forwards without us.
EVENTS = """
events:
  - {name: speaker killed, do: [kill a speaker], within: 20, lose at most: 0}
  - {name: agent killed, do: [kill b agent], lose at most: 0}
  - name: node killed
    do: [kill b]
    expect: {ignore: b, sessions: [{down: [a, b]}]}
    lose at most: 0
  - name: frozen past the hold time
    do: [freeze b]
    expect: {sessions: [{down: [a, b]}]}
    within: 25
  - {name: rolling upgrade, do: [roll nodes], within: 20, lose at most: 0}
  - name: no power
    do: [power off b]
    expect:
      ignore: b
      routes: [{to: 10.244.1.0/24, absent: true, on: [b]}]
      unreachable: [{between: [pod-a, pod-b]}]
    within: 9
  - name: parted, and packets are lost
    do: [cut a from b]
    expect: {unreachable: [{between: [pod-a, pod-b]}]}
    traffic: [[pod-a, pod-b]]
    lose at most: 0
  - {name: half-open connections, do: [half-open b], within: 20, lose at most: 0}
  - name: a resource file more
    do: [write another-block.yaml]
    expect:
      bgp: [{prefix: 10.244.3.0/24, next_hop: 10.9.0.2, on: [a]}]
      routes: [{to: 10.244.3.0/24, via: 10.9.0.2, on: [a]}, {to: 10.244.3.0/24, blackhole: true, on: [b]}]
    lose at most: 0
  - {name: all resources gone, do: [remove cluster.yaml], lose at most: 0}
  - {name: the disk is full, do: [fill disk b], within: 20, lose at most: 0}
  - name: under pressure
    do: [limit memory b 500, overflow netlink b, delete routes b for 300ms]
  - {name: garbage, do: [garbage host to a as 65003], lose at most: 0}
  - {name: too many prefixes, do: [flood host to b as 65003 prefixes 101], lose at most: 0}
  - name: updates without a pause
    do: [churn host to a as 65003 prefixes 90]
    expect:
      sessions: [{between: [a], and: [host]}, {down: [b], and: [host]}]
      bgp: [{prefix: 198.18.0.89/32, next_hop: 10.9.0.3, as_path: "65003", on: [a]}]
    lose at most: 0
  - name: a peer that does not read
    do: [slow reader host to a as 65003]
    expect: {sessions: [{between: [a], and: [host]}]}
  - name: a peer that says nothing
    do: [silent host to a as 65003]
    expect: {sessions: [{between: [a], and: [host]}]}
    within: 9
  - name: drained
    do: [drain b]
    expect: {bgp: [{prefix: 10.244.2.0/24, communities: ["65535:0"], on: [a]}]}
    lose at most: 0
  - {name: a bad link, do: [impair a--sw delay 20ms loss 2%], within: 20}
  - {name: nothing happens, do: [behave host], expect: {sessions: [{down: [a, b]}]}, within: 1}
  - {name: cannot be done, do: [kill host]}
  - {name: stays broken, do: [kill b], within: 3, undo: no}
  - {name: interrupted, do: [cut a from b, wait 60s]}
"""


def write_files(directory: Path) -> None:
    (directory / "resources").mkdir()
    (directory / "resources/cluster.yaml").write_text(RESOURCES)
    (directory / "another-block.yaml").write_text(ANOTHER_BLOCK)
    (directory / "expectations.yml").write_text(f"{EXPECTATIONS}sets: {{nodes: [a, b]}}\n{EVENTS}")
