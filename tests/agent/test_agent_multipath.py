"""Several paths that BIRD sends with add-path (RFC 7911) are one multipath route in the kernel, in both families."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from agent_world import WaitUntil, World, in_namespace

pytestmark = [
    pytest.mark.netns,
    pytest.mark.skipif(shutil.which("bird") is None, reason="BIRD is not installed (Debian package bird2)"),
]

RESOURCES = """
apiVersion: projectcalico.org/v3
kind: BGPConfiguration
metadata: {name: default}
spec: {bindMode: NodeIP}
---
apiVersion: projectcalico.org/v3
kind: Node
metadata: {name: a}
spec: {bgp: {ipv4Address: 10.0.0.1/24, ipv6Address: "fd00::1/64"}}
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: bird4}
spec: {peerIP: 10.0.0.2, asNumber: 64512}
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: bird6}
spec: {peerIP: "fd00::2", asNumber: 64512}
"""
PREFIXES = {"4": "20.0.0.0/24", "6": "fd09::/64"}
GATEWAYS = {"4": ("10.0.0.7", "10.0.0.8"), "6": ("fd00::7", "fd00::8")}
ADDRESSES = {"4": ("10.0.0.1", "10.0.0.2"), "6": ("fd00::1", "fd00::2")}


def bird_conf() -> str:
    parts = ["log stderr all; router id 10.0.0.2; protocol device { } protocol direct { ipv4; ipv6; }\n"]
    for family, prefix in PREFIXES.items():
        node, bird = ADDRESSES[family]
        for number, gateway in enumerate(GATEWAYS[family]):
            route = f"route {prefix} via {gateway};"
            parts.append(f"protocol static way{family}{number} {{ ipv{family}; {route} }}\n")
        channel = f"ipv{family} {{ import all; export where source = RTS_STATIC; add paths tx; }};"
        parts.append(
            f"protocol bgp node{family} {{ local {bird} as 64512; neighbor {node} as 64512; rr client;"
            f" connect delay time 1; connect retry time 1; {channel} }}\n"
        )
    return "".join(parts)


@pytest.fixture
def world(netns: str, tmp_path: Path) -> Iterator[World]:
    """Node `a`, and BIRD on the other end of its wire."""
    other = f"{netns}-b"
    subprocess.run(["ip", "netns", "add", other], check=True)
    try:
        wire = ["ip", "-n", netns, "link", "add", "wire", "type", "veth", "peer", "name", "wire", "netns", other]
        subprocess.run(wire, check=True)
        for place, namespace in enumerate((netns, other)):
            for address in (f"{ADDRESSES['4'][place]}/24", f"{ADDRESSES['6'][place]}/64"):
                nodad = ["nodad"] if ":" in address else []
                subprocess.run(["ip", "-n", namespace, "addr", "add", address, "dev", "wire", *nodad], check=True)
            subprocess.run(["ip", "-n", namespace, "link", "set", "wire", "up"], check=True)
        (tmp_path / "bird.conf").write_text(bird_conf())
        world = World({"a": netns}, tmp_path)
        world.write("all.yaml", RESOURCES)
        with (tmp_path / "bird.log").open("wb") as log:
            files = ["-c", str(tmp_path / "bird.conf"), "-s", str(tmp_path / "bird.ctl")]
            bird = subprocess.Popen([*in_namespace(other), "bird", "-f", *files], stdout=log, stderr=log)
        try:
            world.start("a")
            yield world
        finally:
            world.end()
            bird.kill()
            bird.wait()
    finally:
        subprocess.run(["ip", "netns", "del", other], check=True)


def gateways(world: World, family: str) -> list[str]:
    """Of the one route of ours to the prefix; none without it."""
    command = ["ip", "-n", world.namespaces["a"], "-json", f"-{family}", "route", "show", PREFIXES[family]]
    output = subprocess.run([*command, "proto", "179"], check=True, capture_output=True, text=True).stdout
    routes = json.loads(output or "[]")
    assert len(routes) < 2
    return [hop["gateway"] for route in routes for hop in route.get("nexthops", [route])]


def birdc(world: World, *words: str) -> str:
    command = ["birdc", "-s", str(world.path / "bird.ctl"), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_paths_of_add_path_are_one_multipath_route_and_come_and_go_in_place(
    world: World, wait_until: WaitUntil
) -> None:
    for family, both in GATEWAYS.items():
        wait_until(lambda family=family, both=both: gateways(world, family) == list(both), 60)
        birdc(world, "disable", f"way{family}1")
        wait_until(lambda family=family, both=both: gateways(world, family) == [both[0]])
        birdc(world, "enable", f"way{family}1")
        wait_until(lambda family=family, both=both: gateways(world, family) == list(both))
