"""`bgpctl lab capture`: a pcap file that says what passed an interface. BIRD talks to BIRD; struct reads the file."""

from __future__ import annotations

import shutil
import signal
import struct
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import BGPCTL, Lab, eventually, needs_namespaces

from bgpctl.lab.daemons import view_of
from bgpctl.lab.netns.state import LabState
from bgpctl.lab.running import runner
from bgpctl.lab.topology.topology_file import read_topology

pytestmark = [
    pytest.mark.netns,
    needs_namespaces,
    pytest.mark.skipif(shutil.which("bird") is None, reason="BIRD is not installed (Debian package bird2)"),
]

KEEPALIVE, OPEN = 4, 1
MARKER = b"\xff" * 16
PAIR = """
name: NAME
topology:
  defaults: {kind: linux, sysctls: {net.ipv6.conf.default.accept_dad: 0}}
  groups: {bird: {labels: {bgpctl-role: bird}, startup-config: __clabNodeName__.conf}}
  nodes: {b1: {group: bird}, b2: {group: bird}}
  links:
    - {endpoints: ["b1:eth1", "b2:eth1"], ipv4: [10.0.0.1/24, 10.0.0.2/24], ipv6: ["fd00::1/64", "fd00::2/64"]}
"""


def conf(own: int, other: int) -> str:
    """A session on each IP version; a KEEPALIVE every second: a third of the hold time (RFC 4271 4.4)."""
    sessions = "".join(
        f"""protocol bgp over{version} {{
  local {prefix}{own} as 6500{own}; neighbor {prefix}{other} as 6500{other};
  hold time 3; connect delay time 1; connect retry time 1; error wait time 1, 1;
  ipv4 {{ import none; export none; }};
}}
"""
        for version, prefix in ((4, "10.0.0."), (6, "fd00::"))
    )
    return f"log stderr all;\nrouter id 10.0.0.{own};\nprotocol device {{ }}\n{sessions}"


def raise_pair(directory: Path) -> Lab:
    """Two BIRDs with two sessions that are Established."""
    (directory / "b1.conf").write_text(conf(1, 2))
    (directory / "b2.conf").write_text(conf(2, 1))
    name = f"t{uuid.uuid4().hex[:8]}"
    file = directory / f"{name}.clab.yml"
    file.write_text(PAIR.replace("NAME", name))
    lab = Lab(name, file)
    lab.up()
    b1 = read_topology(lab.file).nodes[0]

    def established() -> bool:
        sessions = view_of(LabState(lab.name), b1).sessions() or ()
        return [session.state for session in sessions] == ["Established", "Established"]

    eventually(established, 30, "the sessions are Established")
    return lab


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    lab = raise_pair(tmp_path_factory.mktemp("capture"))
    yield lab
    runner.down(lab.name)
    assert lab.traces() == []


def packets(file: Path) -> Iterator[tuple[float, bytes]]:
    """Time and octets of each packet of a classic pcap file with times in nanoseconds."""
    data = file.read_bytes()
    magic, major, minor, _, _, longest, link = struct.unpack_from("=IHHiIII", data)
    assert (magic, major, minor, link) == (0xA1B23C4D, 2, 4, 1)
    at = 24
    while at < len(data):
        seconds, nanoseconds, kept, length = struct.unpack_from("=IIII", data, at)
        assert kept == length <= longest
        assert nanoseconds < 1_000_000_000
        yield seconds + nanoseconds / 1e9, data[at + 16 : at + 16 + kept]
        at += 16 + kept
    assert at == len(data)


def messages(packet: bytes) -> list[int]:
    """Types of the BGP messages of an Ethernet frame (RFC 4271 4.1)."""
    found, at = [], packet.find(MARKER)
    while at >= 0:
        found.append(packet[at + 18])
        at = packet.find(MARKER, at + 19)
    return found


def test_a_capture_has_the_keepalives_of_both_ends_and_their_times(lab, tmp_path) -> None:
    """RFC 4271 4.4, on IPv4 and IPv6."""
    file = tmp_path / "out.pcap"
    began = time.time()
    done = lab.command("capture", "b1", "eth1", "-w", str(file), "--seconds", "3")
    assert done.returncode == 0, done.stderr
    found = [(when, packet) for when, packet in packets(file) if KEEPALIVE in messages(packet)]
    assert done.stdout == f"{len(list(packets(file)))} packets in {file}\n"
    both = {(packet[6:12], packet[12:14]) for _, packet in found}
    assert len(both) == 4, "of both MAC addresses, IPv4 and IPv6"
    assert all(began <= when <= time.time() for when, _ in found)


def start_capture(lab, *words: str) -> subprocess.Popen[str]:
    command = [BGPCTL, "lab", "capture", str(lab.file), "b1", "eth1", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def protocols(file: Path) -> set[int]:
    """Of the IPv4 packets: 1 is ICMP, 6 is TCP."""
    return {packet[23] for _, packet in packets(file) if packet[12:14] == b"\x08\x00"}


@pytest.mark.parametrize(("which", "has_icmp"), [("bgp", False), ("all", True)])
def test_the_filter_leaves_out_what_is_not_bgp(lab, tmp_path, which, has_icmp) -> None:
    file = tmp_path / f"{which}.pcap"
    running = start_capture(lab, "-w", str(file), "--filter", which)
    eventually(lambda: file.exists() and file.stat().st_size, 20, "the capture has begun")
    assert lab.ping("b1", "10.0.0.2")
    eventually(lambda: any(KEEPALIVE in messages(packet) for _, packet in packets(file)), 20, "a KEEPALIVE")
    running.send_signal(signal.SIGINT)
    assert running.wait(10) == 0
    assert (1 in protocols(file)) is has_icmp


def test_an_unknown_interface_is_reported_with_those_that_there_are(lab) -> None:
    done = lab.command("capture", "b1", "eth7")
    assert done.returncode == 2
    assert done.stderr.startswith("bgpctl: no capture on 'eth7': No such device; ")
    assert done.stderr.endswith("has lo, eth1\n")


def test_taking_the_lab_down_ends_a_capture(tmp_path) -> None:
    lab = raise_pair(tmp_path)
    file = tmp_path / "x.pcap"
    try:
        running = start_capture(lab, "-w", str(file))
        eventually(lambda: file.exists() and file.stat().st_size, 20, "the capture has begun")
    finally:
        runner.down(lab.name)
    assert running.wait(10) == 2
    assert "can no longer be read" in running.stderr.read()
