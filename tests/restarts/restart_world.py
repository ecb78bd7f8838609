"""A cluster in network namespaces with traffic through it, to see what a restart or a failure costs.

    n1 n2 n3    nodes, each with a block of its own, a pod in it, and the kernel's routes by its agent
    r1 r2       their route reflectors, which leave the kernel alone
    one bridge  joins the five; there is no session between nodes

n1's run directory and its agent's log are on a small file system of their own, which a test may fill. Pods are wired as
Calico's CNI does it: an address of a block alone, everything through 169.254.1.1, a route on the node. Who breaks
something mends it; `whole` says whether it is mended.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from segment import Segment, eventually

from bgpctl.agent.host.listener import listener_pid
from bgpctl.lab.traffic.probe import Flow
from reflector.messages import (
    PROTOCOL_VERSION,
    AgentStatus,
    FrameError,
    FrameReader,
    Peers,
    PeerStatus,
    Reply,
    Request,
    ShowAgent,
    ShowPeers,
    decode_reply,
    frame,
)

BGPCTL = Path(sys.executable).with_name("bgpctl")
ADDRESSES = {"n1": "10.0.0.1", "n2": "10.0.0.2", "n3": "10.0.0.3", "r1": "10.0.0.11", "r2": "10.0.0.12"}
NODES, REFLECTORS = ("n1", "n2", "n3"), ("r1", "r2")
BLOCKS = {"n1": "10.64.1.0/26", "n2": "10.64.2.0/26", "n3": "10.64.3.0/26"}
PODS = {"n1": "10.64.1.2", "n2": "10.64.2.2", "n3": "10.64.3.2"}
# Of each node's sessions, and a reflector's to three nodes and the other reflector.
SESSIONS = {"n1": 2, "n2": 2, "n3": 2, "r1": 4, "r2": 4}
# Seconds. Short, because tests outwait it; a keepalive is due every third of it, which a busy machine must manage.
HOLD_TIME = 6
# Ten processes start at once on two cores, perhaps with others at work.
PATIENCE = 60.0
# speaker.log may grow to 1 MiB before it is emptied.
RUN_DIRECTORY_SIZE = "3m"
# A speaker that is frozen does not answer at all.
ANSWER_TIME = 5.0
# How much of each log is shown of a cluster that is not whole.
LAST_WORDS = 2000
METRICS = "http://127.0.0.1:9179"

CLUSTER = f"""
apiVersion: projectcalico.org/v3
kind: BGPConfiguration
metadata: {{name: default, annotations: {{bgpctl.io/hold-time: {HOLD_TIME}s}}}}
spec: {{asNumber: 64512, nodeToNodeMeshEnabled: false}}
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {{name: nodes-to-reflectors}}
spec: {{nodeSelector: "!has(reflector)", peerSelector: has(reflector)}}
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {{name: between-reflectors}}
spec: {{nodeSelector: has(reflector), peerSelector: has(reflector)}}
---
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: {{name: pods}}
spec: {{cidr: 10.64.0.0/16, ipipMode: Never, vxlanMode: Never, natOutgoing: false}}
"""


def node_text(name: str) -> str:
    is_reflector = name in REFLECTORS
    labels = "{reflector: yes-it-is}" if is_reflector else "{}"
    cluster_id = ", routeReflectorClusterID: 10.0.0.10" if is_reflector else ""
    return f"""
apiVersion: projectcalico.org/v3
kind: Node
metadata: {{name: {name}, labels: {labels}}}
spec: {{bgp: {{ipv4Address: {ADDRESSES[name]}/24{cluster_id}}}}}
"""


def block_text(node: str, cidr: str) -> str:
    name = cidr.replace(".", "-").replace("/", "-")
    return f"""
apiVersion: crd.projectcalico.org/v1
kind: BlockAffinity
metadata: {{name: {node}-{name}}}
spec: {{cidr: {cidr}, node: {node}, state: confirmed, deleted: "false"}}
"""


class Member:
    """One agent on one host of the segment."""

    def __init__(self, segment: Segment, name: str, resources: Path, *options: str) -> None:
        self.name = name
        self.namespace = segment.namespace(name)
        self.resources = resources
        self.run_directory = segment.directory / "run" / name
        self.run_directory.mkdir(parents=True, mode=0o700)
        self.log_file = segment.directory / f"{name}.log"
        self.environment: Mapping[str, str] = {}
        self.protocol = PROTOCOL_VERSION
        self._segment = segment
        self._options = options
        self.agent: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """As an init system does it, with `environment`."""
        settings = [f"{name}={value}" for name, value in self.environment.items()]
        arguments = ["--node", self.name, "--resources", self.resources, "--run-dir", self.run_directory]
        command = ["env", *settings, BGPCTL, "agent", *arguments, *self._options]
        self.agent = self._segment.start(self.name, *map(str, command), log=self.log_file)

    def end(self, number: signal.Signals) -> int:
        """Ends the agent by a signal: its exit status."""
        assert self.agent is not None
        self.agent.send_signal(number)
        return self.agent.wait(20)

    def signal_speaker(self, number: signal.Signals) -> int:
        """Returns the number of the process that was signalled."""
        pid = self.speaker_pid
        assert pid
        os.kill(pid, number)
        return pid

    @property
    def speaker_pid(self) -> int:
        """The process that listens, also while the agent is away and the disk is full; 0 for none."""
        return listener_pid(self.run_directory / "speaker.sock") or 0

    @property
    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def status(self) -> AgentStatus | None:
        reply = ask(self.run_directory / "agent.sock", ShowAgent(), self.protocol)
        return reply if isinstance(reply, AgentStatus) else None

    def known_status(self) -> AgentStatus:
        return eventually(self.status, f"the agent of {self.name} answers; log:\n{self.log}")

    def peers(self) -> tuple[PeerStatus, ...]:
        """() while the speaker does not answer."""
        reply = ask(self.run_directory / "speaker.sock", ShowPeers(), self.protocol)
        return reply.peers if isinstance(reply, Peers) else ()

    def session_to(self, name: str) -> PeerStatus | None:
        return next((peer for peer in self.peers() if peer.peer_address == ADDRESSES[name]), None)

    def page(self, page: str) -> tuple[int, str]:
        """Status and body of one of the agent's pages; (0, "") while they are not served."""
        with self._segment.inside(self.name):
            try:
                with urllib.request.urlopen(f"{METRICS}/{page}", timeout=10) as answer:  # noqa: S310  http
                    return answer.status, answer.read().decode()
            except urllib.error.HTTPError as error:
                return error.code, error.read().decode()
            except urllib.error.URLError:
                return 0, ""

    def metric(self, name: str) -> float:
        """Of a metric without labels."""
        (line,) = [line for line in self.page("metrics")[1].splitlines() if line.split(" ")[0] == name]
        return float(line.split(" ")[1])

    def routes(self) -> dict[str, str]:
        """The kernel's routes that are the agent's: prefix -> gateway, "" for none."""
        command = ["ip", "-n", self.namespace, "-json", "route", "show", "proto", "179"]
        listed = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout or "[]")
        return {route["dst"]: route.get("gateway", "") for route in listed}

    @contextmanager
    def watched_routes(self) -> Iterator[Path]:
        """A file with every change of the kernel's routes while the block runs."""
        path = self._segment.directory / f"{self.name}.routes"
        with path.open("wb") as output:
            monitor = subprocess.Popen(["ip", "-n", self.namespace, "monitor", "route"], stdout=output)
            try:
                yield path
            finally:
                monitor.kill()
                monitor.wait()


class Cluster:
    """The five of them, all started, some perhaps with more in their environment. `close` leaves nothing."""

    def __init__(self, directory: Path, environments: Mapping[str, Mapping[str, str]] = {}) -> None:
        self.segment = Segment(directory)
        self.resources = directory / "resources"
        self.resources.mkdir()
        self.members: dict[str, Member] = {}
        self._mounted: list[Path] = []
        self._pods: list[str] = []
        self._write_resources()
        for name, address in ADDRESSES.items():
            self.segment.host(name, f"{address}/24")
            options = ("--no-fib",) if name in REFLECTORS else ()
            self.members[name] = Member(self.segment, name, self.resources, *options)
            self.members[name].environment = environments.get(name, {})
        for node in NODES:
            self._attach_pod(node)
        self._give_a_small_disk(self.members["n1"])
        for member in self.members.values():
            member.start()

    def __getitem__(self, name: str) -> Member:
        return self.members[name]

    @property
    def nodes(self) -> list[Member]:
        return [self.members[name] for name in NODES]

    def flows(self) -> list[Flow]:
        """From every pod to every other one."""
        return [Flow(one, self._pod(one), PODS[other]) for one in NODES for other in NODES if one != other]

    def write(self, name: str, text: str) -> None:
        (self.resources / name).write_text(text)

    def has_block(self, node: str, cidr: str) -> None:
        """From now on this block is the node's, too, in a file that may be deleted."""
        self.write(f"block-{cidr.replace('/', '-')}.yaml", block_text(node, cidr))

    def lacks_block(self, cidr: str) -> None:
        (self.resources / f"block-{cidr.replace('/', '-')}.yaml").unlink()

    # ------------------------------------------------------------------------------------------- whole

    def missing(self) -> str:
        """What is not as it should be, "" when everything is."""
        for name, member in self.members.items():
            established = sum(peer.state == "Established" for peer in member.peers())
            if established != SESSIONS[name]:
                return f"{name} has {established} of {SESSIONS[name]} sessions"
            status = member.status()
            if status is None or not status.plan_is_current or status.speaker_state != "running":
                return f"the agent of {name} is not well: {status}"
            if name in NODES and not (status.fib_in_sync and set(BLOCKS.values()) <= member.routes().keys()):
                return f"the kernel of {name} is not in sync: {member.routes()}"
        return ""

    def until_whole(self, within: float = PATIENCE) -> None:
        missing = [""]

        def is_whole() -> bool:
            missing[0] = self.missing()
            return not missing[0]

        try:
            eventually(is_whole, "the cluster is whole", within)
        except BaseException:
            logs = "".join(f"{name}:\n{member.log[-LAST_WORDS:]}\n" for name, member in self.members.items())
            sys.stderr.write(f"missing: {missing[0]}\n{logs}")
            raise

    def heal(self) -> None:
        """What a test that failed has left undone."""
        for member in self.members.values():
            if pid := member.speaker_pid:
                _signal_if_there(pid, signal.SIGCONT)
            if member.agent is not None and member.agent.poll() is not None:
                member.start()

    def flaps(self) -> dict[tuple[str, str], int]:
        """How often each session has gone down, at both of its ends, since the speaker started."""
        return {(name, peer.name): peer.flaps for name, one in self.members.items() for peer in one.peers()}

    def close(self) -> None:
        for host in (*ADDRESSES, *(f"pod-{node}" for node in NODES)):
            namespace = self.segment.namespace(host)
            listed = subprocess.run(["ip", "netns", "pids", namespace], capture_output=True, text=True, check=False)
            for pid in listed.stdout.split():
                _signal_if_there(int(pid), signal.SIGKILL)
        self.segment.close()
        for path in self._mounted:
            eventually(lambda path=path: _unmounted(path), f"{path} is unmounted")

    # ------------------------------------------------------------------------------------------- making

    def _write_resources(self) -> None:
        self.write("cluster.yaml", CLUSTER)
        self.write("nodes.yaml", "---".join(map(node_text, ADDRESSES)))
        self.write("blocks.yaml", "---".join(block_text(node, cidr) for node, cidr in BLOCKS.items()))

    def _pod(self, node: str) -> str:
        return self.segment.namespace(f"pod-{node}")

    def _attach_pod(self, node: str) -> None:
        """See the head of this file; the gateway's link address is known beforehand, as no proxy ARP runs here."""
        self.segment.host(f"pod-{node}")
        there, here, link = self.segment.namespace(node), self._pod(node), "02:00:00:00:00:01"
        _ip("link", "add", "cali0", "address", link, "netns", there, "type", "veth", "peer", "pod0", "netns", here)
        _ip("-n", here, "link", "set", "pod0", "up")
        _ip("-n", here, "address", "add", f"{PODS[node]}/32", "dev", "pod0")
        _ip("-n", here, "neigh", "add", "169.254.1.1", "lladdr", link, "dev", "pod0", "nud", "permanent")
        _ip("-n", here, "route", "add", "default", "via", "169.254.1.1", "dev", "pod0", "onlink")
        _ip("-n", there, "link", "set", "cali0", "up")
        _ip("-n", there, "route", "add", f"{PODS[node]}/32", "dev", "cali0")
        with self.segment.inside(node):
            Path("/proc/sys/net/ipv4/ip_forward").write_text("1")

    def _give_a_small_disk(self, member: Member) -> None:
        path = member.run_directory
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={RUN_DIRECTORY_SIZE},mode=0700", "tmpfs", path], check=True
        )
        self._mounted.append(path)
        member.log_file = path / "agent.log"


def ask(path: Path, question: Request, version: int = PROTOCOL_VERSION) -> Reply | None:
    """The answer of whoever speaks this version of the control protocol; None without one."""
    frames = FrameReader(version=version)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(ANSWER_TIME)
        try:
            connection.connect(str(path))
            connection.sendall(frame(question, version))
            while data := connection.recv(1 << 16):
                for body in frames.feed(data):
                    return decode_reply(body)
        except (OSError, FrameError):
            return None
    return None


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def _signal_if_there(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _unmounted(path: Path) -> bool:
    return subprocess.run(["umount", path], check=False, capture_output=True).returncode == 0
