"""A node with a cluster ID and no client, such as a reflector whose label is not there yet: what it uses of what
another reflector of the same cluster reflects, held against BIRD in the same place."""

from __future__ import annotations

import pytest
from segment import LISTEN, LOCAL_AS, Bird, Segment, Speaker, eventually, session

from reflector.plan import NodePlan

pytestmark = pytest.mark.netns

CLUSTER = "244.0.0.1"
HOSTS = {"us": "10.9.0.1", "reflector": "10.9.0.2", "client": "10.9.0.3", "twin": "10.9.0.4"}
ROUTE = "10.245.0.0/24"


def conf(name: str, sessions: str, routes: str = "") -> str:
    return f"""
log stderr all;
router id {HOSTS[name]};
protocol device {{ }}
protocol direct {{ ipv4; }}
protocol static {{ ipv4; {routes} }}
{sessions}
"""


def to(here: str, there: str, options: str = "") -> str:
    return f"""protocol bgp to_{there} {{
  local {HOSTS[here]} as {LOCAL_AS};
  neighbor {HOSTS[there]} as {LOCAL_AS};
  connect delay time 1; connect retry time 1;
  ipv4 {{ import all; export all; }};
  {options}
}}
"""


@pytest.fixture
def world(segment: Segment) -> tuple[Speaker, Bird]:
    """A reflector of the cluster with one client; we and BIRD, as Calico configures it there, with a session to it."""
    for name, address in HOSTS.items():
        segment.host(name, f"{address}/24")
    # Of a reflector with its cluster ID no peer is a client: that is the case.
    plan = NodePlan(
        node="us",
        router_id=HOSTS["us"],
        cluster_id=CLUSTER,
        listen=LISTEN,
        sessions=(session(HOSTS["reflector"], HOSTS["us"]),),
    )
    us = segment.speaker("us", plan)
    client = f"rr client; rr cluster id {CLUSTER};"
    there = to("reflector", "us") + to("reflector", "twin") + to("reflector", "client", client)
    segment.bird("reflector", conf("reflector", there))
    segment.bird("client", conf("client", to("client", "reflector"), f"route {ROUTE} blackhole;"))
    return us, segment.bird("twin", conf("twin", to("twin", "reflector")))


def test_a_node_without_clients_uses_what_a_reflector_with_its_cluster_id_reflects(world: tuple[Speaker, Bird]) -> None:
    """RFC 4456 8 speaks of reflectors, and this node reflects nothing."""
    us, twin = world
    us.wait_established()
    reflected = f"BGP.cluster_list: {CLUSTER}"
    eventually(lambda: reflected in twin.ask("show", "route", ROUTE, "all", "primary"), "BIRD in our place uses it")
    route = eventually(lambda: us.routes().get(ROUTE), "we use it")
    assert route.next_hop == HOSTS["client"]
