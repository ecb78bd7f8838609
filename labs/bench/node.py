"""A node as it is deployed, agent and speaker: from the octets of UPDATEs to the kernel's acknowledgements.

    python labs/bench/node.py [--routes 10000 --routes 100000] [--runs 5] [--idle 30]      (root)

A peer written here opens an iBGP session with a real `bgpctl agent` in a fresh network namespace, sends all UPDATEs at
once and, later, all withdrawals. The clock runs from the first octet written until the agent reports that the kernel
has acknowledged the last route. The agent is asked every 0.5 us times the number of routes (every 5 ms for 10,000):
while many routes are outstanding the answer costs it time in which it programs nothing. `ip -batch` takes turns with
it, in a namespace of its own, with the same routes (labs/bench/fib.py). Medians in seconds.

Then, with the smallest table in place and nothing happening: memory of both processes (their RSS, and PSS, which counts
shared pages once) and their share of one CPU during `--idle` seconds.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from bgpctl.lab.netns import namespaces
from labs.bench.fib import Timing, nlris
from labs.bench.fib import measure as measure_alone
from reflector.addresses import pack_address
from reflector.control.client import ControlClient, ControlError
from reflector.messages import AgentStatus, ShowAgent, ShowPeers
from reflector.wire.attribute_writer import encode_attributes
from reflector.wire.attributes import intern_attributes
from reflector.wire.message import MAX_LENGTH, MessageType, message
from reflector.wire.update import announcements, end_of_rib, withdrawals

NODE, PEER = "10.0.0.1", "10.0.0.2"
PATIENCE = 60.0
POLL = 0.005
POLL_A_ROUTE = 5e-7
LOCAL_AS = 64512
RESOURCES = f"""
apiVersion: projectcalico.org/v3
kind: BGPConfiguration
metadata: {{name: default}}
spec: {{asNumber: {LOCAL_AS}}}
---
apiVersion: projectcalico.org/v3
kind: Node
metadata: {{name: here}}
spec: {{bgp: {{ipv4Address: {NODE}/24}}}}
---
apiVersion: projectcalico.org/v3
kind: Node
metadata: {{name: there}}
spec: {{bgp: {{ipv4Address: {PEER}/24}}}}
---
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: {{name: pods}}
spec: {{cidr: 20.0.0.0/8, ipipMode: Never, vxlanMode: Never}}
"""


class Node:
    """An agent with its speaker in a namespace, beside the namespace of its one peer."""

    def __init__(self, directory: Path) -> None:
        self._names = [f"bench-{os.getpid()}-{role}" for role in ("node", "peer")]
        self._ending = contextlib.ExitStack()
        self._run = directory / "run"
        (directory / "resources").mkdir()
        (directory / "resources" / "all.yaml").write_text(RESOURCES)
        self._log = directory / "agent.log"
        self._command = [str(Path(sys.executable).with_name("bgpctl")), "agent", "--node", "here"]
        self._command += ["--resources", str(directory / "resources"), "--run-dir", str(self._run)]
        self._command += ["--metrics-address", ""]

    def __enter__(self) -> Node:
        try:
            self._begin()
        except BaseException:
            self._ending.close()
            raise
        return self

    def _begin(self) -> None:
        node, peer = self._names
        for name in self._names:
            subprocess.run(["ip", "netns", "add", name], check=True)
            self._ending.callback(subprocess.run, ["ip", "netns", "del", name], check=True)
        for words in (
            f"link add eth0 netns {node} type veth peer name eth0 netns {peer}",
            f"-n {node} address add {NODE}/24 dev eth0",
            f"-n {peer} address add {PEER}/24 dev eth0",
            f"-n {peer} address add 10.0.0.3/24 dev eth0",
            *(f"-n {name} link set {device} up" for name in self._names for device in ("lo", "eth0")),
        ):
            subprocess.run(["ip", *words.split()], check=True)
        with self._log.open("wb") as log:
            self._agent = subprocess.Popen(["ip", "netns", "exec", node, *self._command], stdout=log, stderr=log)
        self._ending.callback(self._end_agent)
        wait_until(self._is_ready, f"the agent is ready; its log is {self._log}")
        with namespaces.inside(peer):
            self.peer = Peer()
        self._ending.callback(self.peer.close)

    def __exit__(self, *_: object) -> None:
        self._ending.close()

    def _end_agent(self) -> None:
        self._agent.terminate()
        self._agent.wait(20)

    def _is_ready(self) -> bool:
        assert self._agent.poll() is None, self._log.read_text()
        status = self.status()
        return status is not None and status.speaker_state == "running"

    def status(self) -> AgentStatus | None:
        with contextlib.suppress(ControlError), ControlClient(self._run / "agent.sock") as client:
            return client.ask(ShowAgent())
        return None

    def pids(self) -> tuple[int, int]:
        status = self.status()
        assert status is not None
        return status.pid, status.speaker_pid

    def wait_established(self) -> None:
        def is_up() -> bool:
            with ControlClient(self._run / "speaker.sock") as client:
                return any(peer.state == "Established" for peer in client.ask(ShowPeers()).peers)

        wait_until(is_up, "the session is Established")
        wait_until(lambda: bool((status := self.status()) and status.fib_in_sync), "the kernel is in sync")

    def seconds_until(self, routes: int, octets: bytes, expected: int = 0) -> float:
        """From writing the octets, about `expected` routes, until the kernel has this many from us."""
        with ControlClient(self._run / "agent.sock") as client:
            start = time.perf_counter()
            self.peer.send(octets)
            while client.ask(ShowAgent()).fib_installed != routes:
                assert time.perf_counter() - start < PATIENCE, client.ask(ShowAgent())
                time.sleep(POLL_A_ROUTE * max(expected, routes))
            return time.perf_counter() - start


class Peer:
    """The other end of the session; it reads nothing but what it must."""

    def __init__(self) -> None:
        self._socket = socket.create_connection((NODE, 179), timeout=PATIENCE, source_address=(PEER, 0))
        capabilities = b"\x01\x04\x00\x01\x00\x01" + b"\x41\x04" + LOCAL_AS.to_bytes(4, "big")
        parameters = bytes((2, len(capabilities))) + capabilities
        head = struct.pack("!BHH", 4, LOCAL_AS, 0) + socket.inet_aton(PEER)
        self.send(message(MessageType.OPEN, head + bytes((len(parameters),)) + parameters))
        self.send(message(MessageType.KEEPALIVE, b""))
        # The agent's first comparison with the kernel waits for it (RFC 4724 4.1).
        self.send(end_of_rib(4))

    def send(self, octets: bytes) -> None:
        self._socket.sendall(octets)

    def close(self) -> None:
        self._socket.close()


def wait_until(is_so: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline, f"not in {PATIENCE:g} s: {what}"
        time.sleep(POLL)


def announced(count: int) -> bytes:
    next_hop = pack_address(PEER)
    attributes = encode_attributes(intern_attributes(next_hop=next_hop, local_pref=2147482623))
    return b"".join(announcements(4, attributes, next_hop, list(nlris(count)), MAX_LENGTH))


def withdrawn(count: int) -> bytes:
    return b"".join(withdrawals(4, list(nlris(count)), MAX_LENGTH))


def from_the_wire(count: int) -> Timing:
    with tempfile.TemporaryDirectory(prefix="bench-") as directory, Node(Path(directory)) as node:
        node.wait_established()
        return node.seconds_until(count, announced(count)), node.seconds_until(0, withdrawn(count), count)


@dataclass(frozen=True, slots=True)
class Usage:
    """Of one process: RSS and PSS in MiB, CPU seconds since its start."""

    rss: float
    pss: float
    cpu: float


def usage(pid: int) -> Usage:
    rollup = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
    rss, pss = (int(rollup[name].split()[0]) / 1024 for name in ("Rss", "Pss"))
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return Usage(rss, pss, (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"))


def at_rest(count: int, seconds: float) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="bench-") as directory, Node(Path(directory)) as node:
        node.wait_established()
        node.seconds_until(count, announced(count))
        before = [usage(pid) for pid in node.pids()]
        time.sleep(seconds)
        after = [usage(pid) for pid in node.pids()]
    for name, one, other in zip(("agent", "speaker"), before, after, strict=True):
        share = (other.cpu - one.cpu) / seconds
        yield f"{name:<8} RSS {other.rss:6.1f} MiB  PSS {other.pss:6.1f} MiB  CPU at rest {share:.2%}"
    yield f"together RSS {sum(one.rss for one in after):6.1f} MiB with {count} routes"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--routes", type=int, action="append")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--idle", type=float, default=30.0)
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("node.py: network namespaces need root")
    counts = options.routes or [10_000, 100_000]
    print(f"{'routes':>8}  {'way':<13} {'add':>8} {'withdraw':>9}")
    for count in counts:
        runs: dict[str, list[Timing]] = {"ip -batch": [], "from the wire": []}
        for _ in range(options.runs):
            runs["ip -batch"].append(measure_alone("ip -batch", count))
            runs["from the wire"].append(from_the_wire(count))
        middle = {
            way: [statistics.median(side) for side in zip(*timings, strict=True)] for way, timings in runs.items()
        }
        for way, (added, removed) in middle.items():
            print(f"{count:>8}  {way:<13} {added:>8.3f} {removed:>9.3f}")
        ratios = [ours / alone for ours, alone in zip(middle["from the wire"], middle["ip -batch"], strict=True)]
        print(f"{'':>8}  {'ratio':<13} {ratios[0]:>8.2f} {ratios[1]:>9.2f}", flush=True)
    for line in at_rest(min(counts), options.idle):
        print(line, flush=True)


if __name__ == "__main__":
    main()
