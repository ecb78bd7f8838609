"""The proof says of a cluster what a network of real engines, running that cluster's plans, does."""

from __future__ import annotations

import os
from typing import Any

import pytest
from compiler_makers import annotated, bgp_filter, bgp_peer, block, configuration, node, pool
from engine_cluster import EngineCluster
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from bgpctl.compiler import ClusterIndex, CompileOptions, compile_every_node
from bgpctl.guardrails.proof.classes import Classes, node_classes
from bgpctl.guardrails.proof.completeness import survey
from bgpctl.guardrails.proof.forwarding import UNKNOWN
from bgpctl.guardrails.proof.graph_builder import session_graphs
from bgpctl.guardrails.proof.obstacle import Obstacle
from bgpctl.resources.resource_set import ResourceSet
from bgpctl.resources.values.model import Resource
from reflector.plan import Family

pytestmark = pytest.mark.slow

# Some ten seconds; `make fuzz` tries more, and others each time.
EXAMPLES = int(os.environ.get("PROOF_EXAMPLES", "400"))
NODES = 8
FILTERS = ["one", "two"]
WAYS_OF_PACKETS = {*UNKNOWN, Obstacle.FORWARDING_LOOP, Obstacle.NO_VXLAN_END}
SELECTORS = ["all()", "has(rr)", "!has(rr)", "rack == '1'", "rack == '2'", "level == 'top'"]


@st.composite
def clusters(draw: st.DrawFn) -> list[Resource]:
    """Up to eight nodes, a few of them reflectors of two clusters, with a mesh or not, up to four BGPPeers by
    selector or address, some reversed by hand; a few nodes of other ASes, and some that allow their own AS; sessions
    that carry both families, roles, clients in another cluster, next hops that are rewritten; BGPFilters, and a pool
    that is not advertised."""
    settings = {"families": "ipv4,ipv6"} if draw(st.integers(0, 3)) == 0 else {}
    resources: list[Resource] = [
        annotated(configuration(nodeToNodeMeshEnabled=draw(st.booleans())), **settings),
        pool("pool", "192.168.0.0/22", disableBGPExport=draw(st.integers(0, 3)) == 0),
        pool("others", "192.168.4.0/22"),
        pool("last", "192.168.8.0/22"),
        pool("pool-v6", "fd10::/48"),
        *(bgp_filter(name, **draw(rules)) for name in FILTERS),
    ]
    count = draw(st.integers(2, NODES))
    several = draw(st.booleans())
    for number in range(1, count + 1):
        is_reflector = draw(st.integers(0, 2)) == 0
        labels = {"rack": draw(st.sampled_from("12"))}
        if is_reflector:
            labels |= {"rr": ""} | ({"level": "top"} if draw(st.booleans()) else {})
        resources.append(
            node(
                f"node-{number}",
                draw(st.sampled_from([f"10.0.0.{number * 5}/24"] * 3 + [""])),
                draw(st.sampled_from(["", f"fd00::{number * 5:x}/64"])),
                cluster_id=draw(st.sampled_from(["224.0.0.1", "224.0.0.2", "224.0.0.3"])) if is_reflector else "",
                asn=draw(st.sampled_from([None, None, 65001, 65002])) if several else None,
                labels=labels,
            )
        )
        resources.append(block(f"node-{number}", f"192.168.{number}.0/26"))
        resources.append(block(f"node-{number}", f"fd10::{number}:0/122"))
    wanted = draw(st.lists(st.tuples(peers(count), settings_of_peers), max_size=4))
    found = (
        annotated(bgp_peer(f"peer-{number}", **spec), **settings) for number, (spec, settings) in enumerate(wanted)
    )
    return [*resources, *found]


communities = st.sampled_from(["64512:1", "65535:65281", "65535:65282"])
accepted = st.fixed_dictionaries(
    {"action": st.just("Accept")},
    optional={
        "operations": st.one_of(
            communities.map(lambda value: [{"addCommunity": {"value": value}}]),
            st.just([{"prependASPath": {"prefix": [65001]}}]),
            st.sampled_from([100, 2000]).map(lambda value: [{"setPriority": {"value": value}}]),
        )
    },
)
conditions = st.one_of(
    st.just({}),
    st.sampled_from(["192.168.1.0/24", "192.168.4.0/22", "192.168.0.0/16"]).map(
        lambda cidr: {"cidr": cidr, "matchOperator": "In"}
    ),
    st.just({"cidr": "192.168.2.0/26", "matchOperator": "Equal"}),
    st.just({"source": "RemotePeers"}),
    st.just({"peerType": "eBGP"}),
    communities.map(lambda value: {"communities": {"values": [value]}}),
)
ruled = st.builds(lambda verdict, condition: verdict | condition, st.just({"action": "Reject"}) | accepted, conditions)
rules = st.fixed_dictionaries(
    {}, optional={"importV4": st.lists(ruled, max_size=2), "exportV4": st.lists(ruled, max_size=2)}
)

settings_of_peers: st.SearchStrategy[dict[str, str]] = st.just({}) | st.fixed_dictionaries(
    {},
    optional={
        "families": st.sampled_from(["ipv4", "ipv6", "ipv4,ipv6"]),
        "role": st.sampled_from(["provider", "customer", "peer", "rs", "rs-client"]),
        "cluster_id": st.sampled_from(["224.0.0.1", "224.0.0.4"]),
    },
)


@st.composite
def peers(draw: st.DrawFn, count: int) -> dict[str, Any]:
    scope: dict[str, Any] = draw(
        st.sampled_from([{}, {"node": f"node-{draw(st.integers(1, count))}"}])
        | st.sampled_from(SELECTORS).map(lambda text: {"nodeSelector": text})
    )
    addresses = [f"10.0.0.{each * 5}" for each in range(1, count + 1)]
    by_address: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
        {"peerIP": st.sampled_from(addresses)},
        optional={
            "asNumber": st.sampled_from([64512, 65001, 65002]),
            "numAllowedLocalASNumbers": st.integers(1, 2),
            "localASNumber": st.sampled_from([65001, 65009]),
        },
    )
    far = draw(st.sampled_from(SELECTORS).map(lambda text: {"peerSelector": text}) | by_address)
    given: dict[str, Any] = {"reversePeering": draw(st.sampled_from(["Auto", "Auto", "Manual"]))}
    if draw(st.integers(0, 2)) == 0:
        given["filters"] = draw(st.lists(st.sampled_from(FILTERS), unique=True))
    if draw(st.integers(0, 3)) == 0:
        given["nextHopMode"] = draw(st.sampled_from(["Self", "Keep"]))
    return {**scope, **far, **given}


def proofs(resources: ResourceSet) -> list[Classes]:
    index = ClusterIndex(resources, lists_mesh=False)
    plans = (each.plan for each in compile_every_node(index))
    return [node_classes(graph) for graph in session_graphs(plans, index, CompileOptions())]


def unreached(classes: Classes) -> set[tuple[str, str]]:
    """Pairs of nodes as the proof has them, written out; where packets stop although the route is there, the engines
    have the route."""
    found: set[tuple[str, str]] = set()
    reach = survey(classes)
    for gap in (each for each in (*reach.gaps, *reach.unknown) if each.obstacle not in WAYS_OF_PACKETS):
        for origin in classes.of[gap.origin.name].members:
            for destination in classes.of[gap.destination.name].members:
                if origin != destination:
                    found.add((origin, destination))
    return found


def prefix_of(name: str, family: Family) -> str:
    number = name.rpartition("-")[2]
    return f"192.168.{number}.0/26" if family == 4 else f"fd10::{number}:0/122"


@given(clusters())
@settings(max_examples=EXAMPLES, deadline=None)
def test_the_proof_and_the_engines_agree_on_who_hears_whom(drawn: list[Resource]) -> None:
    resources = ResourceSet.of(*drawn)
    engines = EngineCluster(resources)
    assume(engines.settle())

    for classes in proofs(resources):
        family = classes.graph.family
        present = classes.graph.routers
        silent = {
            (origin, destination)
            for origin in present
            for destination in present
            if origin != destination and not engines.has(destination, prefix_of(origin, family), family)
        }
        event(f"some pair is not reached: {bool(silent)}")
        event(f"classes of several nodes: {len(classes.classes) < len(present)}")
        assert unreached(classes) == silent
