"""From annotations to two speakers that have the session: what was written is what both ends agreed on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from compiler_makers import annotated, bgp_peer, block, compiled, configuration, node, pool
from segment import Segment, eventually

from bgpctl.compiler import render_exabgp_conf

pytestmark = pytest.mark.netns

NODES = node("a", ipv6="fd00::1/64"), node("b", ipv6="fd00::2/64", asn=65001)
ADDRESSING = (
    pool("p", "10.244.0.0/16"),
    block("a", "10.244.1.0/26"),
    block("a", "10.244.2.0/26"),
    block("b", "10.244.3.0/26"),
)


def test_an_annotated_bgp_peer_is_what_two_speakers_agree_on(tmp_path: Path) -> None:
    """RFC 8950: IPv4 routes between IPv6 addresses. RFC 9234: a strict customer meets its provider. RFC 4271 4.2: the
    hold time. RFC 4486: routes above the maximum are left out."""
    if os.geteuid() != 0:
        pytest.skip("needs root to make network namespaces")
    peer = annotated(
        bgp_peer("pair", node="a", peerSelector="all()"),
        families="ipv4,ipv6",
        role="customer",
        role_strict="true",
        hold_time="9s",
        maximum_prefixes="1 drop",
    )
    resources = (configuration(nodeToNodeMeshEnabled=False), *NODES, *ADDRESSING, peer)
    plans = {name: compiled(name, *resources) for name in ("a", "b")}
    segment = Segment(tmp_path)
    try:
        segment.host("a", "fd00::1/64")
        segment.host("b", "fd00::2/64")
        a, b = (segment.speaker(name, plan, render_exabgp_conf(plan)) for name, plan in plans.items())
        a.wait_established()
        b.wait_established()

        status = b.peers()["fd00::1"]
        assert (status.families, status.hold_time) == ((4, 6), 9)
        eventually(lambda: "10.244.3.0/26" in a.routes(), "a has b's route")
        assert a.routes()["10.244.3.0/26"].next_hop == "fd00::2"
        eventually(lambda: b.peers()["fd00::1"].prefixes_dropped == 1, "b leaves one of a's two routes out")
    finally:
        segment.close()
