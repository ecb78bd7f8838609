"""Agents of one cluster as real processes in network namespaces, and what they say about themselves."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from reflector.control.client import ControlClient, ControlError
from reflector.messages import AgentStatus, Message, PeerStatus, Request, ShowAgent, ShowPeers

BGPCTL = Path(sys.executable).with_name("bgpctl")
ADDRESSES = {"a": "10.0.0.1", "b": "10.0.0.2"}
METRICS_PORTS = {"a": 9179, "b": 9180}
CLUSTER = """
apiVersion: projectcalico.org/v3
kind: BGPConfiguration
metadata: {name: default}
spec: {bindMode: NodeIP}
---
apiVersion: projectcalico.org/v3
kind: Node
metadata: {name: a}
spec: {bgp: {ipv4Address: 10.0.0.1/24}}
---
apiVersion: projectcalico.org/v3
kind: Node
metadata: {name: b}
spec: {bgp: {ipv4Address: 10.0.0.2/24}}
"""
POOL = """
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: {name: pods}
spec: {cidr: 10.64.0.0/16, ipipMode: Never, vxlanMode: Never, natOutgoing: false}
"""
BLOCK_OF_B = """
apiVersion: crd.projectcalico.org/v1
kind: BlockAffinity
metadata: {name: b-10-64-1-0-26}
spec: {cidr: 10.64.1.0/26, node: b, state: confirmed, deleted: "false"}
"""
BLOCK = "10.64.1.0/26"
# Its only block may go without a confirmation: what is held has tests of its own (test_agent_brake.py).
LIMITS_OF_B = """
apiVersion: projectcalico.org/v3
kind: BGPConfiguration
metadata: {name: node.b, annotations: {bgpctl.io/lost-originations-limit: "off"}}
"""
FETCH = """
import sys, urllib.error, urllib.request
try:
    sys.stdout.write(urllib.request.urlopen(sys.argv[1], timeout=5).read().decode())
except urllib.error.HTTPError as error:
    sys.stderr.write(f"{error.code} {error.read().decode()}")
"""

WaitUntil = Callable[..., None]
Serve = Callable[[Path, Callable[[Request], Message]], None]


class World:
    """Resources, run directories and agents of one test. `namespaces` says where each node runs."""

    def __init__(self, namespaces: Mapping[str, str], path: Path, *options: str) -> None:
        self.namespaces = namespaces
        self.path = path
        self.options = options
        self.resources = path / "resources"
        self.resources.mkdir()
        self.agents: list[subprocess.Popen[bytes]] = []

    def write(self, name: str, text: str) -> None:
        (self.resources / name).write_text(text)

    def run_directory(self, node: str) -> Path:
        return self.path / "run" / node

    def command(self, node: str, program: str = "") -> list[str]:
        """How an agent is started: `bgpctl`, or a Python program that stands for it."""
        arguments = ["--node", node, "--resources", self.resources, "--run-dir", self.run_directory(node)]
        metrics = ["--metrics-address", f"127.0.0.1:{METRICS_PORTS[node]}"]
        bgpctl = [sys.executable, "-c", program] if program else [BGPCTL]
        command = [*bgpctl, "agent", *arguments, *metrics, *self.options]
        return in_namespace(self.namespaces[node]) + [str(word) for word in command]

    def start(self, node: str, program: str = "") -> subprocess.Popen[bytes]:
        with (self.path / f"{node}.log").open("ab") as output:
            agent = subprocess.Popen(self.command(node, program), stdout=output, stderr=output)
        self.agents.append(agent)
        return agent

    def end(self) -> None:
        for agent in self.agents:
            agent.terminate()
        for agent in self.agents:
            agent.wait(15)

    def log(self, node: str) -> str:
        return (self.path / f"{node}.log").read_text()

    def status(self, node: str) -> AgentStatus | None:
        try:
            with ControlClient(self.run_directory(node) / "agent.sock") as client:
                return client.ask(ShowAgent())
        except ControlError:
            return None

    def known_status(self, node: str) -> AgentStatus:
        status = self.status(node)
        assert status is not None
        return status

    def peers(self, node: str) -> tuple[PeerStatus, ...]:
        try:
            with ControlClient(self.run_directory(node) / "speaker.sock") as client:
                return client.ask(ShowPeers()).peers
        except ControlError:
            return ()

    def runs(self, node: str) -> bool:
        status = self.status(node)
        return status is not None and status.speaker_state == "running"

    def established(self, node: str) -> bool:
        return any(peer.state == "Established" for peer in self.peers(node))

    def page(self, node: str, page: str) -> str:
        """The body, or "" when the answer is not 200."""
        return self._fetch(node, page).stdout

    def refusal(self, node: str, page: str) -> str:
        """Status and body of an answer that is not 200."""
        return self._fetch(node, page).stderr

    def _fetch(self, node: str, page: str) -> subprocess.CompletedProcess[str]:
        url = f"http://127.0.0.1:{METRICS_PORTS[node]}/{page}"
        fetch = [*in_namespace(self.namespaces[node]), sys.executable, "-c", FETCH, url]
        return subprocess.run(fetch, capture_output=True, text=True, check=False)

    def metric(self, node: str, name: str, **labels: str) -> float:
        """Of a snapshot that may be a second old."""
        families = text_string_to_metric_families(self.page(node, "metrics"))
        (value,) = [
            sample.value
            for family in families
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        ]
        return float(value)


def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Polls a condition; fails the test when it does not hold within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {condition}"
        time.sleep(0.02)


def in_namespace(netns: str) -> list[str]:
    return ["ip", "netns", "exec", netns]


@contextmanager
def wired_world(netns: str, path: Path, *options: str, **files: str) -> Iterator[World]:
    """Nodes `a` and `b`, in a namespace each with a wire between them; `b` owns BLOCK. Both agents have been started.
    `options` are for both; `files` are more resources: name without its suffix -> text."""
    other = f"{netns}-b"
    subprocess.run(["ip", "netns", "add", other], check=True)
    try:
        wire = ["ip", "-n", netns, "link", "add", "wire", "type", "veth", "peer", "name", "wire", "netns", other]
        subprocess.run(wire, check=True)
        for node, namespace in {"a": netns, "b": other}.items():
            for command in (
                ["link", "set", "lo", "up"],
                ["link", "set", "wire", "up"],
                ["address", "add", f"{ADDRESSES[node]}/24", "dev", "wire"],
            ):
                subprocess.run(["ip", "-n", namespace, *command], check=True)
        world = World({"a": netns, "b": other}, path, *options)
        resources = {"cluster": CLUSTER, "pool": POOL, "blocks": BLOCK_OF_B, "limits": LIMITS_OF_B, **files}
        for name, text in resources.items():
            world.write(f"{name}.yaml", text)
        world.start("a")
        world.start("b")
        try:
            yield world
        finally:
            world.end()
    finally:
        subprocess.run(["ip", "netns", "del", other], check=True)
