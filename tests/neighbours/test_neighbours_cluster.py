"""A node of a cluster between another node and a top-of-rack router, both BIRD: what the node passes on of the other's
services, and how the routes of its own workloads arrive.

The plan is compiled from resources, as an agent would; the sets of originations are what an agent gives the speaker."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from bird import Bird
from neighbour import Peering, Route, Router
from segment import Segment, Speaker, eventually

sys.path.insert(0, str(Path(__file__).parents[1] / "compiler"))

from compiler_makers import bgp_peer, block, compiled, configuration, pool
from compiler_makers import node as node_resource

from bgpctl.compiler.rendering.exabgp_conf import render_exabgp_conf
from reflector.control.client import ControlClient
from reflector.messages import Originate
from reflector.plan import PRIORITY_BASE, Origination, RouteSource

pytestmark = pytest.mark.netns

US, OTHER, TOR = "10.9.0.1", "10.9.0.11", "10.9.0.12"
CLUSTER_AS, TOR_AS = 64512, 65001
OWN_BLOCK, OTHER_BLOCK = "10.244.2.0/26", "10.244.1.0/26"
SERVICES, LOCAL_SERVICE = "10.88.20.64/27", "10.88.20.65/32"
BORROWED, MOVED, ORDINARY = "10.244.7.7/32", "10.244.2.9/32", "10.244.2.10/32"

RESOURCES = (
    node_resource("us", f"{US}/16"),
    node_resource("other", f"{OTHER}/16"),
    bgp_peer("tor", peerIP=TOR, asNumber=TOR_AS),
    configuration(serviceLoadBalancerIPs=[{"cidr": SERVICES}]),
    pool("pods", "10.244.0.0/16"),
    pool("balancers", SERVICES, allowedUses=["LoadBalancer"], blockSize=32),
    block("us", OWN_BLOCK),
    block("other", OTHER_BLOCK),
)


class Rack:
    """Our speaker on one node; BIRD on the other node and on the ToR."""

    def __init__(self, segment: Segment) -> None:
        segment.host("us", f"{US}/16")
        plan = compiled("us", *RESOURCES)
        self.us = Speaker(segment, "us", plan, render_exabgp_conf(plan))
        self.other = self._bird(segment, "other", OTHER, CLUSTER_AS)
        self.tor = self._bird(segment, "tor", TOR, TOR_AS)
        self.us.wait_established(2)

    def _bird(self, segment: Segment, host: str, address: str, asn: int) -> Bird:
        segment.host(host, f"{address}/16")
        peering = Peering(address, US, CLUSTER_AS)
        bird = Bird(segment, host, Router(asn, address, (peering,)))
        bird.start()
        return bird

    def received(self, bird: Bird) -> dict[str, Route]:
        """From us."""
        return dict(bird.paths(bird.router.peerings[0]))

    def workloads(self, **metrics: int) -> None:
        """The kernel's routes of workloads, as the agent originates them: prefix -> metric."""
        originations = tuple(
            Origination(prefix, RouteSource.KERNEL, metric, "cali1") for prefix, metric in metrics.items()
        )
        with ControlClient(self.us.directory / "speaker.sock") as client:
            client.ask(Originate("workloads", originations))


@pytest.fixture
def rack(tmp_path: Path) -> Iterator[Rack]:
    if os.geteuid() != 0:
        pytest.skip("needs root to make network namespaces")
    if not Bird.is_installed():
        pytest.skip(f"{Bird.name} is not installed (Debian package {Bird.package})")
    segment = Segment(tmp_path)
    try:
        yield Rack(segment)
    finally:
        segment.close()


def test_the_router_gets_another_nodes_pods_and_not_its_services(rack: Rack) -> None:
    rack.other.announce(LOCAL_SERVICE)
    rack.other.announce(OTHER_BLOCK)
    eventually(lambda: OTHER_BLOCK in rack.received(rack.tor), "the ToR has the other node's block")
    assert LOCAL_SERVICE in rack.us.routes()
    assert set(rack.received(rack.tor)) == {OWN_BLOCK, OTHER_BLOCK, SERVICES}


def test_workloads_arrive_with_their_metric_and_go_at_once(rack: Rack) -> None:
    rack.workloads(**{BORROWED: 1024, MOVED: 512, ORDINARY: 1024})
    eventually(lambda: MOVED in rack.received(rack.other), "the other node has the machine that moved")
    eventually(lambda: MOVED in rack.received(rack.tor), "the ToR has it, too")
    received = rack.received(rack.other)
    assert set(received) == {OWN_BLOCK, SERVICES, BORROWED, MOVED}
    local_prefs = {prefix: received[prefix].local_pref for prefix in (BORROWED, MOVED)}
    assert local_prefs == {BORROWED: PRIORITY_BASE - 1024, MOVED: PRIORITY_BASE - 512}
    assert {each.next_hop for each in received.values()} == {US}
    assert set(rack.received(rack.tor)) == {OWN_BLOCK, SERVICES, BORROWED, MOVED}
    rack.workloads()
    eventually(lambda: set(rack.received(rack.other)) == {OWN_BLOCK, SERVICES}, "they have gone")
    eventually(lambda: set(rack.received(rack.tor)) == {OWN_BLOCK, SERVICES}, "they have gone at the ToR")
