"""The quickstart as a newcomer gets it: every session, route and ping, and what happens when something changes.

It runs on a copy of labs/quickstart with a name of its own, beside a quickstart that may be up. What is expected is
worked out from the drawing in its README, not read from its expectations.yml.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Lab, bgpctl, eventually, needs_namespaces

from bgpctl.agent.host.run_directory import SPEAKER_SOCKET
from bgpctl.lab.daemons.speaker_view import speaker_peers
from bgpctl.lab.netns.state import LabState
from bgpctl.lab.topology.topology import Topology
from bgpctl.lab.topology.topology_file import read_topology
from reflector.control.client import ControlClient
from reflector.messages import PeerStatus, ShowAgent

pytestmark = [
    pytest.mark.netns,
    needs_namespaces,
    pytest.mark.skipif(bgpctl("agent", "--help").returncode != 0, reason="this version has no `bgpctl agent`"),
]

QUICKSTART = Path(__file__).parents[2] / "labs/quickstart"
RACKS = {"a": 1, "b": 2}
NODES = [f"{rack}{n}" for rack in RACKS for n in (1, 2, 3)]
REFLECTORS = ["rr1", "rr2"]
OUR_PROTOCOL = "179"
# RTN_BLACKHOLE of rtnetlink(7): `ip -N` prints numbers.
BLACKHOLE = "6"
# An update of a resource must be followed within a second; starting sixteen Python processes takes longer.
FOLLOWED = 1.0
CONVERGED = 30.0


ABSENT_ROUTER = """
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: absent}
spec: {node: a1, peerIP: 10.1.0.99, asNumber: 65001}
"""


def number(node: str) -> str:
    return f"{RACKS[node[0]]}{node[1]}"


def address(node: str) -> str:
    return f"10.{RACKS[node[0]]}.0.{number(node)}"


def block(node: str) -> str:
    return f"10.244.{number(node)}.0/26"


def pod_address(node: str) -> str:
    return f"10.244.{number(node)}.2"


def next_hop(at: str, owner: str) -> tuple[str, str]:
    """Gateway and device at one node for what another one owns: CrossSubnet encapsulates only between the racks."""
    return (address(owner), "eth1") if at[0] == owner[0] else (f"10.244.{number(owner)}.0", "vxlan.calico")


EXPECTED_SESSIONS = {
    *((node, reflector) for node in NODES for reflector in REFLECTORS),
    *((reflector, node) for node in NODES for reflector in REFLECTORS),
    ("rr1", "rr2"),
    ("rr2", "rr1"),
}


class Quickstart(Lab):
    """A running copy."""

    @property
    def resources(self) -> Path:
        """The copies that the agents of this lab read."""
        return LabState(self.name).directory / "_resources/resources"

    @property
    def topology(self) -> Topology:
        return read_topology(self.file)

    def peers(self) -> dict[tuple[str, str], PeerStatus]:
        state = LabState(self.name)
        return {
            (node.name, peer.peer_node): peer
            for node in self.topology.agents
            for peer in speaker_peers(state.node_directory(node.name)) or ()
        }

    def established(self) -> set[tuple[str, str]]:
        return {ends for ends, peer in self.peers().items() if peer.state.lower() == "established"}

    def established_at(self) -> dict[tuple[str, str], float]:
        """When each session came up, on the clock of time.monotonic, and how often it went down."""
        return {ends: time.monotonic() - peer.since for ends, peer in self.peers().items()}

    def routes(self, node: str) -> list[dict[str, str]]:
        return json.loads(self.run(node, "ip", "-N", "-j", "-4", "route", "show").stdout)

    def bgp_next_hops(self, node: str) -> dict[str, tuple[str, str]]:
        """Gateway and device by prefix of the routes that are ours and lead elsewhere."""
        return {
            route["dst"]: (route.get("gateway", ""), route["dev"])
            for route in self.routes(node)
            if route.get("protocol") == OUR_PROTOCOL and route.get("type") != BLACKHOLE
        }


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Quickstart]:
    name = f"q{uuid.uuid4().hex[:8]}"
    directory = tmp_path_factory.mktemp("quickstart")
    shutil.copytree(QUICKSTART, directory, dirs_exist_ok=True)
    file = directory / f"{name}.clab.yml"
    (directory / "quickstart.clab.yml").rename(file)
    file.write_text(file.read_text().replace("name: quickstart", f"name: {name}"))
    quickstart = Quickstart(name, file)
    try:
        up = quickstart.command("up")
        assert up.returncode == 0, up.stderr
        converged(quickstart)
        yield quickstart
    finally:
        quickstart.command("down")


def converged(lab: Quickstart) -> None:
    test = lab.command("test", "--no-events")
    assert test.returncode == 0, test.stdout + test.stderr


@pytest.fixture
def changed(lab: Quickstart) -> Iterator[Quickstart]:
    """The lab for a test that changes resources: they are put back, and the lab converges again."""
    kept = {file: file.read_text() for file in lab.resources.iterdir()}
    yield lab
    for file in lab.resources.iterdir():
        if file not in kept:
            file.unlink()
    for file, text in kept.items():
        if not file.exists() or file.read_text() != text:
            file.write_text(text)
    converged(lab)


def test_exactly_the_sessions_of_the_drawing_are_established(lab) -> None:
    assert set(lab.peers()) == EXPECTED_SESSIONS
    assert lab.established() == EXPECTED_SESSIONS


def test_every_node_has_every_remote_block_through_the_right_next_hop(lab) -> None:
    for node in NODES:
        expected = {block(owner): next_hop(node, owner) for owner in NODES if owner != node}
        assert lab.bgp_next_hops(node) == expected, node


def test_every_node_drops_what_its_own_block_does_not_have(lab) -> None:
    for node in NODES:
        (own,) = [route for route in lab.routes(node) if route["dst"] == block(node)]
        assert (own["type"], own["protocol"]) == (BLACKHOLE, OUR_PROTOCOL), node


def test_reflectors_leave_their_kernel_alone(lab) -> None:
    for reflector in REFLECTORS:
        assert all(route.get("protocol") != OUR_PROTOCOL for route in lab.routes(reflector))


def test_the_fabric_knows_only_the_racks(lab) -> None:
    assert [route["dst"] for route in lab.routes("fabric")] == ["10.1.0.0/24", "10.2.0.0/24"]


def test_every_pod_reaches_every_other_pod(lab) -> None:
    pings = {
        (source, target): subprocess.Popen(
            ["ip", "netns", "exec", lab.namespace(f"pod-{source}"), "ping", "-qc1", "-W2", pod_address(target)],
            stdout=subprocess.DEVNULL,
        )
        for source in NODES
        for target in NODES
        if source != target
    }
    assert [pair for pair, ping in pings.items() if ping.wait(timeout=10) != 0] == []


def test_show_prints_the_sessions_the_routes_and_the_ping_matrix(lab) -> None:
    shown = lab.command("show")
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.count("stablished") == len(EXPECTED_SESSIONS)
    assert "10.244.21.0/26" in shown.stdout
    assert "pod-b3" in shown.stdout
    assert "lost" not in shown.stdout


def test_the_topology_is_drawn_as_it_is(changed) -> None:
    def drawn() -> dict[str, Any]:
        done = bgpctl("topology", str(changed.resources), "--live", "-o", "json")
        if "is in these resources" in done.stderr:
            pytest.skip("another lab is up, so the nodes of this machine have longer names")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def down() -> dict[tuple[str, ...], str]:
        return {tuple(each["between"]): each["reason"] for each in drawn()["sessions"] if each["down"]}

    found = drawn()
    assert {tuple(each["between"]) for each in found["sessions"]} == {tuple(sorted(ends)) for ends in EXPECTED_SESSIONS}
    assert not any(router["single_point_of_failure"] for router in found["routers"])
    assert down() == {}
    (changed.resources / "absent.yaml").write_text(ABSENT_ROUTER)
    eventually(down, CONVERGED, "a session that is down")
    assert list(down()) == [("a1", "10.1.0.99")]
    assert down()["a1", "10.1.0.99"]


def test_the_test_command_says_no_when_something_is_missing(lab) -> None:
    expectations = lab.file.with_name("expectations.yml")
    before = expectations.read_text()
    expectations.write_text(before.replace("via: 10.1.0.12", "via: 10.1.0.99"))
    try:
        test = lab.command("test", "--within", "0.5")
    finally:
        expectations.write_text(before)
    assert test.returncode == 1
    assert "a1: expected 10.244.12.0/26 via 10.1.0.99 dev eth1 protocol 179; seen: 10.244.12.0/26" in test.stdout


def test_an_added_block_is_everywhere_within_a_second_and_resets_no_session(changed) -> None:
    since = changed.established_at()
    added = "10.244.11.64/26"
    (changed.resources / "another-block.yaml").write_text(
        "apiVersion: projectcalico.org/v3\nkind: BlockAffinity\nmetadata: {name: a1-10-244-11-64-26}\n"
        f"spec: {{node: a1, cidr: {added}, state: confirmed}}\n"
    )
    others = [node for node in NODES if node != "a1"]
    eventually(
        lambda: all(changed.bgp_next_hops(node).get(added) == next_hop(node, "a1") for node in others),
        FOLLOWED,
        "the block is on every other node",
    )
    assert_kept(changed, since)


def test_a_removed_peering_ends_only_its_own_session_within_a_second(changed) -> None:
    since = changed.established_at()
    (changed.resources / "bgppeer-between-reflectors.yaml").unlink()
    between = {("rr1", "rr2"), ("rr2", "rr1")}
    eventually(lambda: not between & set(changed.peers()), FOLLOWED, "the reflectors' session is gone")
    assert set(changed.peers()) == EXPECTED_SESSIONS - between
    assert_kept(changed, {ends: at for ends, at in since.items() if ends not in between})
    assert all(len(changed.bgp_next_hops(node)) == len(NODES) - 1 for node in NODES)


def test_explain_names_the_winner_the_loser_and_the_step_between(lab) -> None:
    output = bgpctl("explain", pod_address("b1"), "--run-dir", str(LabState(lab.name).node_directory("a1"))).stdout
    assert re.search(r"from 10\.1\.0\.10 \(rr1\)[^:]*: best", output)
    assert re.search(r"from 10\.2\.0\.20 \(rr2\)[^:]*: not used: higher peer address", output)
    assert re.search(
        r"^  10\.1\.0\.10 \(rr1\), path \d+ from .*: iBGP split horizon: neither side is a client$",
        output,
        re.MULTILINE,
    )


def assert_kept(lab: Quickstart, since: dict[tuple[str, str], float]) -> None:
    """The sessions are established since the same moment as before."""
    peers = lab.peers()
    now = time.monotonic()
    for ends, at in since.items():
        assert peers[ends].state.lower() == "established", ends
        assert abs((now - peers[ends].since) - at) < 0.5, f"{ends} was reset"


def sent_by(lab: Quickstart, pod: str) -> int:
    (link,) = json.loads(lab.run(pod, "ip", "-s", "-j", "link", "show", "eth1").stdout)
    return int(link["stats64"]["tx"]["packets"])


def test_killing_the_speaker_of_a_reflector_loses_no_ping(lab) -> None:
    directory = LabState(lab.name).node_directory("rr1")
    with ControlClient(directory / "agent.sock") as agent:
        speaker = agent.ask(ShowAgent()).speaker_pid
    ping = subprocess.Popen(
        ["ip", "netns", "exec", lab.namespace("pod-a1"), "ping", "-q", "-i0.01", "-c800", "-W2", pod_address("b1")],
        stdout=subprocess.PIPE,
        text=True,
    )
    before = sent_by(lab, "pod-a1")
    eventually(lambda: sent_by(lab, "pod-a1") >= before + 100, 10, "the first hundred pings are on their way")
    os.kill(speaker, signal.SIGKILL)
    output, _ = ping.communicate(timeout=30)
    assert re.search(r"800 packets transmitted, 800 received", output), output
    eventually(lambda: lab.established() == EXPECTED_SESSIONS, CONVERGED, "the reflector is back")
    assert (directory / SPEAKER_SOCKET).exists()


def test_no_event_of_the_lab_costs_a_packet(lab, tmp_path) -> None:
    """Those of its expectations.yml; each says what it may cost."""
    report = tmp_path / "events.json"
    test = lab.command("test", "--json", str(report))
    assert test.returncode == 0, test.stdout + test.stderr
    events = json.loads(report.read_text())["events"]
    assert len(events) == 4
    assert [(event["lost"], event["lose_at_most"]) for event in events] == [(0, 0)] * 4
    assert all(event["sent"] > 0 for event in events)


def test_a_second_up_says_that_there_is_nothing_to_do(lab) -> None:
    assert "is up already; nothing to do" in lab.command("up").stdout


def test_down_leaves_no_namespace_no_process_no_file_and_no_route(lab) -> None:
    """The last one: it takes the lab down."""
    assert lab.command("down").returncode == 0
    assert lab.traces() == []
    assert subprocess.check_output(["ip", "route", "show", "table", "all", "proto", OUR_PROTOCOL], text=True) == ""
