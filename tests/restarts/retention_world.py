"""A cluster of three nodes with two reflectors or a mesh, each a real agent in a namespace of its own on one bridge.

`a` is the node that is looked at; `b` and `c` own a block each. The resources are one file for each thing, so that a
test takes one away.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families
from segment import Segment, eventually
from traffic import Record

from bgpctl.agent.host.run_directory import AGENT_SOCKET, SPEAKER_SOCKET
from bgpctl.lab.traffic.probe import Flow, Probe
from reflector.control.client import ControlClient, ControlError
from reflector.messages import AgentStatus, PeerStatus, ShowAgent, ShowPeers

BGPCTL = Path(sys.executable).with_name("bgpctl")
ADDRESSES = {"a": "10.0.0.1", "b": "10.0.0.2", "c": "10.0.0.3", "r1": "10.0.0.11", "r2": "10.0.0.12"}
REFLECTORS = ("r1", "r2")
BLOCKS = {"b": "10.64.2.0/26", "c": "10.64.3.0/26"}
ADDRESSES_IN_BLOCKS = {"b": "10.64.2.1", "c": "10.64.3.1"}
RESTART_TIME = 2
PATIENCE = 60.0  # five agents start on two cores that others use as well

CONFIGURATION = """
apiVersion: projectcalico.org/v3
kind: BGPConfiguration
metadata:
  name: default
  annotations: {{bgpctl.io/hold-time: 3s{more}}}
spec: {{{mesh}, bindMode: NodeIP}}
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {{name: reflectors}}
spec: {{peerSelector: role == 'rr', maxRestartTime: {restart}s}}
---
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: {{name: pods}}
spec: {{cidr: 10.64.0.0/16, ipipMode: Never, vxlanMode: Never, natOutgoing: false}}
"""
NODE = """
apiVersion: projectcalico.org/v3
kind: Node
metadata: {{name: {name}, labels: {{role: {role}}}}}
spec: {{bgp: {{ipv4Address: {address}/24{more}}}}}
"""
AFFINITY = """
apiVersion: crd.projectcalico.org/v1
kind: BlockAffinity
metadata: {{name: {name}-block}}
spec: {{cidr: {block}, node: {name}, state: confirmed, deleted: "false"}}
"""
FETCH = "import sys, urllib.request; sys.stdout.write(urllib.request.urlopen(sys.argv[1], timeout=5).read().decode())"


class Cluster:
    """Started by `cluster`. Agents and speakers are ended by their process ids."""

    def __init__(self, segment: Segment, path: Path, annotations: str, reflectors: tuple[str, ...]) -> None:
        self.segment = segment
        self.path = path
        self.resources = path / "resources"
        self.resources.mkdir()
        self.agents: dict[str, subprocess.Popen[bytes]] = {}
        self.reflectors = reflectors
        mesh = "nodeToNodeMeshEnabled: false" if reflectors else f"nodeMeshMaxRestartTime: {RESTART_TIME}s"
        self.write("cluster", CONFIGURATION.format(more=annotations, restart=RESTART_TIME, mesh=mesh))
        for name in self.members:
            address = ADDRESSES[name]
            is_reflector = name in REFLECTORS
            more = ", routeReflectorClusterID: 224.0.0.1" if is_reflector else ""
            self.write(name, NODE.format(name=name, role="rr" if is_reflector else "node", address=address, more=more))
            segment.host(name, f"{address}/24")
        for name, block in BLOCKS.items():
            self.write(f"{name}-block", AFFINITY.format(name=name, block=block))
            words = ("-n", segment.namespace(name), "address", "add", f"{ADDRESSES_IN_BLOCKS[name]}/32", "dev", "lo")
            subprocess.run(["ip", *words], check=True)

    @property
    def members(self) -> tuple[str, ...]:
        return ("a", *BLOCKS, *self.reflectors)

    @property
    def neighbours(self) -> tuple[str, ...]:
        """Those that `a` has a session to."""
        return self.reflectors or tuple(BLOCKS)

    def write(self, name: str, text: str) -> None:
        (self.resources / f"{name}.yaml").write_text(text)

    def run_directory(self, node: str) -> Path:
        return self.path / node

    # -------------------------------------------------------------------------------------- processes

    def start(self, *nodes: str) -> None:
        for node in nodes:
            arguments = ["--node", node, "--resources", str(self.resources)]
            arguments += ["--run-dir", str(self.run_directory(node)), "--metrics-address", "127.0.0.1:9179"]
            kernel = ["--no-fib"] if node in REFLECTORS else []
            log = self.path / f"{node}.log"
            self.agents[node] = self.segment.start(node, str(BGPCTL), "agent", *arguments, *kernel, log=log)

    def kill(self, *nodes: str) -> None:
        """Agent and speaker, in one instant as far as anybody can tell."""
        for node in nodes:
            speaker = self.known_status(node).speaker_pid
            for pid in (self.agents[node].pid, speaker):
                os.kill(pid, signal.SIGKILL)
            self.agents[node].wait()

    def kill_speaker(self, node: str) -> int:
        speaker = self.known_status(node).speaker_pid
        os.kill(speaker, signal.SIGKILL)
        return speaker

    def send_to_speakers(self, number: signal.Signals, *pids: int) -> None:
        for pid in pids:
            os.kill(pid, number)

    def end(self) -> None:
        for agent in self.agents.values():
            agent.terminate()
        for agent in self.agents.values():
            agent.wait(15)

    # ---------------------------------------------------------------------------------------- answers

    def status(self, node: str) -> AgentStatus | None:
        try:
            with ControlClient(self.run_directory(node) / AGENT_SOCKET) as client:
                return client.ask(ShowAgent())
        except ControlError:
            return None

    def known_status(self, node: str) -> AgentStatus:
        return eventually(lambda: self.status(node), f"the agent of {node} answers", PATIENCE)

    def peers(self, node: str) -> dict[str, PeerStatus]:
        try:
            with ControlClient(self.run_directory(node) / SPEAKER_SOCKET) as client:
                return {peer.peer_node: peer for peer in client.ask(ShowPeers()).peers}
        except ControlError:
            return {}

    def log(self, node: str) -> str:
        return (self.path / f"{node}.log").read_text()

    def command(self, node: str, *words: str) -> str:
        """What `bgpctl` says of this node."""
        done = subprocess.run(
            [str(BGPCTL), *words, "--run-dir", str(self.run_directory(node))],
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout

    def page(self, node: str, page: str) -> str:
        """ "" when the answer is not 200."""
        fetch = [*self._inside(node), sys.executable, "-c", FETCH, f"http://127.0.0.1:9179/{page}"]
        return subprocess.run(fetch, capture_output=True, text=True, check=False).stdout

    def metric(self, node: str, name: str) -> float:
        families = text_string_to_metric_families(self.page(node, "metrics"))
        (value,) = [sample.value for family in families for sample in family.samples if sample.name == name]
        return float(value)

    # ----------------------------------------------------------------------------------------- kernel

    def has_routes(self, *owners: str) -> bool:
        """`a` has kernel routes to the blocks of exactly these nodes."""
        shown = subprocess.run(
            ["ip", "-n", self.segment.namespace("a"), "-json", "route", "show", "proto", "179"],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        found = {route["dst"] for route in json.loads(shown.stdout or "[]")}
        return found == {BLOCKS[owner] for owner in owners}

    @contextmanager
    def watched(self, what: str, record: Record, *owners: str) -> Iterator[None]:
        """The kernel routes to these nodes' blocks are not deleted while the block runs, and no ping from `a` to an
        address in them is lost. `what` names the figure."""
        log = self.path / "routes.log"
        flows = [Flow("a", self.segment.namespace("a"), ADDRESSES_IN_BLOCKS[owner]) for owner in owners]
        with log.open("wb") as output, Probe.start(flows) as probe:
            monitor = subprocess.Popen([*self._inside("a"), "ip", "-o", "monitor", "route"], stdout=output)
            try:
                yield
            finally:
                monitor.terminate()
                monitor.wait()
            report = probe.stop()
        record(what, report)
        assert report.lost == 0, f"{what}: {report}"
        deletions = [line for line in log.read_text().splitlines() if "Deleted" in line]
        assert [line for line in deletions if any(BLOCKS[owner] in line for owner in owners)] == []

    def _inside(self, node: str) -> list[str]:
        return ["ip", "netns", "exec", self.segment.namespace(node)]


@contextmanager
def cluster(path: Path, annotations: str = "", reflectors: tuple[str, ...] = REFLECTORS) -> Iterator[Cluster]:
    """All run, and `a` has all routes of `b` and `c`. Without reflectors there is a mesh. `annotations`: more of the
    BGPConfiguration's, as ", key: value"."""
    segment = Segment(path)
    try:
        world = Cluster(segment, path, annotations, reflectors)
        world.start(*world.members)
        try:
            eventually(lambda: is_calm(world), "a has all routes from all that have them", PATIENCE)
            yield world
        finally:
            world.end()
    finally:
        segment.close()


def is_calm(world: Cluster) -> bool:
    status, peers = world.status("a"), world.peers("a")
    accepted = len(BLOCKS) if world.reflectors else 1
    return (
        status is not None
        and status.fib_in_sync
        and not status.retention
        and world.has_routes("b", "c")
        and all(
            name in peers and peers[name].accepted == accepted and not peers[name].stale for name in world.neighbours
        )
    )
