"""A node on two links to two top-of-rack switches that have the same prefix: the way over a link that fails is left.

A pod on the node pings addresses that both switches have, so a ping is answered by the one that it comes to. Half of
the flows are on either link (the kernel chooses by source and destination).
"""

from __future__ import annotations

import json
import statistics
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from restart_world import Member, block_text
from segment import Segment, eventually
from traffic import Record, go_on_for

from bgpctl.lab.traffic.probe import Flow, Probe, Report

pytestmark = pytest.mark.netns

POD, BLOCK, ANYCAST = "10.64.1.2", "10.64.1.0/26", "10.50.0.0/24"
TARGETS = [f"10.50.0.{number}" for number in range(1, 13)]
# Requests a second on each flow: a time is known to 4 ms.
RATE = 250.0
# Seconds from the failure until no packet takes the dead link any more.
BOUND = 0.05
ROUNDS = 3
WHOLE = 30.0
SWITCHES = {"tor1": ("10.1.0.1", "10.1.0.2"), "tor2": ("10.2.0.1", "10.2.0.2")}
RESOURCES = f"""
apiVersion: projectcalico.org/v3
kind: BGPConfiguration
metadata: {{name: default}}
spec: {{asNumber: 64512, nodeToNodeMeshEnabled: false}}
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {{name: tor1}}
spec: {{node: node, peerIP: 10.1.0.2, asNumber: 65000}}
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {{name: tor2}}
spec: {{node: node, peerIP: 10.2.0.2, asNumber: 65000, sourceAddress: None}}
---
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: {{name: pods}}
spec: {{cidr: 10.64.0.0/16, ipipMode: Never, vxlanMode: Never, natOutgoing: false}}
---
apiVersion: projectcalico.org/v3
kind: Node
metadata: {{name: node}}
spec: {{bgp: {{ipv4Address: 10.1.0.1/24}}}}
---
{block_text("node", BLOCK)}"""


def switch_conf(name: str) -> str:
    node, own = SWITCHES[name]
    return f"""
router id {own};
protocol device {{ }}
protocol static {{ ipv4; route {ANYCAST} blackhole; }}
protocol kernel {{ ipv4 {{ import none; export where net ~ [10.64.0.0/16+]; }}; }}
protocol bgp node {{
    local {own} as 65000;
    neighbor {node} as 64512;
    check link off;
    connect delay time 1;
    connect retry time 1;
    error wait time 1, 2;
    ipv4 {{ import all; export all; }};
}}
"""


class Rack:
    """The node with its pod, the switches, and what is on the links."""

    def __init__(self, directory: Path) -> None:
        self.segment = Segment(directory)
        for host in ("node", "pod", *SWITCHES):
            self.segment.host(host)
        self._wire_pod()
        for name, (node, own) in SWITCHES.items():
            self._wire(name, node, own)
            self.segment.bird(name, switch_conf(name))
        resources = directory / "resources"
        resources.mkdir()
        (resources / "all.yaml").write_text(RESOURCES)
        self.node = Member(self.segment, "node", resources)
        self.node.start()

    def until_whole(self) -> None:
        eventually(lambda: self.gateways() == {"10.1.0.2", "10.2.0.2"}, f"both ways; log:\n{self.node.log}", WHOLE)
        eventually(self._has_ways_back, "both switches have a way back", WHOLE)

    def gateways(self) -> set[str]:
        listed = self._ip_json("node", "route", "show", ANYCAST)
        return {hop["gateway"] for route in listed for hop in route.get("nexthops", ())}

    def flows(self) -> list[Flow]:
        return [Flow("pod", self.segment.namespace("pod"), target) for target in TARGETS]

    def link_of(self, target: str) -> str:
        """By which link a ping of the pod leaves the node."""
        (route,) = self._ip_json("node", "route", "get", target, "from", POD, "iif", "cali0")
        return str(route["dev"])

    def set_link(self, end: str, state: str) -> None:
        """The link to tor1, at its one end or the other."""
        self._ip(end, "link", "set", "tor1" if end == "node" else "node", state)

    def close(self) -> None:
        for host in ("node", "pod", *SWITCHES):
            listed = self._run("ip", "netns", "pids", self.segment.namespace(host))
            for pid in listed.split():
                subprocess.run(["kill", "-KILL", pid], check=False)
        self.segment.close()

    def _has_ways_back(self) -> bool:
        return all(self._ip_json(name, "route", "show", BLOCK) for name in SWITCHES)

    def _wire_pod(self) -> None:
        node, pod = self.segment.namespace("node"), self.segment.namespace("pod")
        self._run("ip", "link", "add", "cali0", "netns", node, "type", "veth", "peer", "name", "pod0", "netns", pod)
        self._ip("pod", "link", "set", "pod0", "up")
        self._ip("pod", "address", "add", f"{POD}/32", "dev", "pod0")
        self._ip("pod", "route", "add", "default", "dev", "pod0")
        self._ip("node", "link", "set", "cali0", "up")
        self._ip("node", "route", "add", f"{POD}/32", "dev", "cali0")
        with self.segment.inside("node"):
            for name, value in (("conf/cali0/proxy_arp", "1"), ("neigh/cali0/proxy_delay", "0"), ("ip_forward", "1")):
                Path("/proc/sys/net/ipv4", name).write_text(value)

    def _wire(self, name: str, node: str, own: str) -> None:
        here, there = self.segment.namespace("node"), self.segment.namespace(name)
        self._run("ip", "link", "add", name, "netns", here, "type", "veth", "peer", "name", "node", "netns", there)
        for host, device, address in (("node", name, node), (name, "node", own)):
            self._ip(host, "address", "add", f"{address}/24", "dev", device)
            self._ip(host, "link", "set", device, "up")
        for target in TARGETS:
            self._ip(name, "address", "add", f"{target}/32", "dev", "lo")

    def _ip(self, host: str, *words: str) -> str:
        return self._run("ip", "-n", self.segment.namespace(host), *words)

    def _ip_json(self, host: str, *words: str) -> list[dict[str, object]]:
        return json.loads(self._ip(host, "-json", *words) or "[]")

    def _run(self, *command: str) -> str:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def rack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rack]:
    rack = Rack(tmp_path_factory.mktemp("rack"))
    try:
        yield rack
    finally:
        rack.close()


def failure(rack: Rack, end: str) -> tuple[float, Report]:
    """The seconds from when the link to tor1 fails until the last packet is lost."""
    rack.until_whole()
    on_the_link = [target for target in TARGETS if rack.link_of(target) == "tor1"]
    assert 0 < len(on_the_link) < len(TARGETS)
    with Probe.start(rack.flows(), RATE) as probe:
        go_on_for(0.2)
        failed = time.monotonic()
        rack.set_link(end, "down")
        eventually(lambda: rack.gateways() == set(), "one way is left")
        go_on_for(0.3)
        report = probe.stop()
    rack.set_link(end, "up")
    for flow, loss in zip(report.flows, report.losses, strict=True):
        assert loss.lost == 0 or flow.target in on_the_link
    last = max((at for loss in report.losses for at in loss.lost_at), default=failed)
    return last - failed, report


@pytest.mark.parametrize("end", ["node", "tor1"], ids=["set down", "no carrier"])
def test_the_way_over_a_link_that_fails_is_left_within_fifty_milliseconds(
    rack: Rack, record: Record, end: str, request: pytest.FixtureRequest
) -> None:
    """The median of some failures: on a busy machine one of them may meet processes that wait for a CPU."""
    rounds = [failure(rack, end) for _ in range(ROUNDS)]
    seconds = sorted(after for after, _ in rounds)
    lost = sorted(report.lost for _, report in rounds)
    figure = f"lost for {statistics.median(seconds) * 1000:.0f} ms (at most {seconds[-1] * 1000:.0f}), "
    figure += f"{statistics.median(lost):.0f} of {rounds[0][1].sent} packets"
    record(f"the link to one of two next hops fails: {request.node.callspec.id}", figure)
    assert statistics.median(seconds) < BOUND
