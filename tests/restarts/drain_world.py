"""Two nodes behind a router, with a client whose traffic can reach a service through either.

    client --- tor (BIRD, AS 65000) --- a, b (AS 64512, a mesh)      one bridge joins tor, a and b

Both nodes announce SERVICE_NETWORK and answer at SERVICE, as kube-proxy would. a also owns BLOCK with a pod in it, and
b tells tor of that as well. BIRD prefers a, whose identifier is lower.
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

from segment import Bird, Segment, eventually

from bgpctl.lab.traffic.probe import Flow
from reflector.control.client import ControlClient, ControlError
from reflector.messages import AgentStatus, PeerStatus, ShowAgent, ShowPeers

BGPCTL = str(Path(sys.executable).with_name("bgpctl"))
ADDRESSES = {"a": "10.0.0.1", "b": "10.0.0.2"}
TOR, CLIENT, CLIENT_NETWORK = "10.0.0.254", "192.168.50.2", "192.168.50.0/24"
SERVICE_NETWORK, SERVICE = "10.96.0.0/24", "10.96.0.10"
BLOCK, POD = "10.64.1.0/26", "10.64.1.2"
# Two agents, two speakers and BIRD start at once on two cores, perhaps with others at work.
PATIENCE = 60.0

RESOURCES = f"""
apiVersion: projectcalico.org/v3
kind: BGPConfiguration
metadata: {{name: default}}
spec: {{asNumber: 64512, serviceClusterIPs: [{{cidr: {SERVICE_NETWORK}}}]}}
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {{name: tor}}
spec: {{peerIP: {TOR}, asNumber: 65000}}
---
apiVersion: projectcalico.org/v3
kind: Node
metadata: {{name: a}}
spec: {{bgp: {{ipv4Address: 10.0.0.1/24}}}}
---
apiVersion: projectcalico.org/v3
kind: Node
metadata: {{name: b}}
spec: {{bgp: {{ipv4Address: 10.0.0.2/24}}}}
---
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: {{name: pods}}
spec: {{cidr: 10.64.0.0/16, ipipMode: Never, vxlanMode: Never, natOutgoing: false}}
---
apiVersion: crd.projectcalico.org/v1
kind: BlockAffinity
metadata: {{name: a-10-64-1-0-26}}
spec: {{cidr: {BLOCK}, node: a, state: confirmed, deleted: "false"}}
"""

# What BIRD makes of GRACEFUL_SHUTDOWN, which it does not honour by itself; and a line for each route without it.
HONOURS = 'if (65535, 0) ~ bgp_community then bgp_local_pref = 0; else print "unmarked ", net, " from ", from;'


def bird_conf(on_import: str) -> str:
    sessions = "".join(
        f"""
protocol bgp {node} {{
  local {TOR} as 65000;
  neighbor {address} as 64512;
  connect delay time 1; connect retry time 1;
  ipv4 {{ import filter {{ {on_import} accept; }}; export where source = RTS_DEVICE; }};
}}"""
        for node, address in ADDRESSES.items()
    )
    return f"""
log stderr all;
router id {TOR};
protocol device {{ }}
protocol direct {{ ipv4; interface "client"; }}
protocol kernel {{ ipv4 {{ import none; export where source = RTS_BGP; }}; }}
{sessions}
"""


class DrainWorld:
    """Close it in the end."""

    def __init__(self, directory: Path, *, on_import: str = HONOURS) -> None:
        self.segment = Segment(directory)
        self.directory = directory
        self._extra: list[str] = []
        try:
            self._wire()
            self.resources = directory / "resources"
            self.resources.mkdir()
            (self.resources / "cluster.yaml").write_text(RESOURCES)
            self.bird: Bird = self.segment.bird("tor", bird_conf(on_import))
            self.agents = {node: self.start(node) for node in ADDRESSES}
        except BaseException:
            self.close()
            raise

    def _wire(self) -> None:
        self.segment.host("tor", f"{TOR}/24")
        self._leaf("client", "tor", f"{CLIENT}/24", "192.168.50.1/24")
        self.ip("client", "route", "add", "default", "via", "192.168.50.1")
        for node, address in ADDRESSES.items():
            self.segment.host(node, f"{address}/24")
            self.ip(node, "address", "add", f"{SERVICE}/32", "dev", "lo")
        self._leaf("pod", "a", f"{POD}/32", "169.254.1.1/32")
        self.ip("pod", "route", "add", "169.254.1.1", "dev", "eth0", "scope", "link")
        self.ip("pod", "route", "add", "default", "via", "169.254.1.1")
        self.ip("a", "route", "add", POD, "dev", "pod", "scope", "link")
        for host in ("tor", "a", "b"):
            self.run(host, "sysctl", "-qw", "net.ipv4.ip_forward=1")

    def _leaf(self, name: str, host: str, address: str, gateway: str) -> None:
        """A namespace that is wired to one host: its device is `eth0`, the host's has its name."""
        namespace, home = self.segment.namespace(name), self.segment.namespace(host)
        subprocess.run(["ip", "netns", "add", namespace], check=True)
        self._extra.append(namespace)
        pair = ["ip", "link", "add", "eth0", "netns", namespace, "type", "veth", "peer", "name", name, "netns", home]
        subprocess.run(pair, check=True)
        for where, device, own in ((name, "eth0", address), (host, name, gateway)):
            self.ip(where, "address", "add", own, "dev", device)
            self.ip(where, "link", "set", device, "up")

    def close(self) -> None:
        for node in ADDRESSES:
            self.end_all_in(node)
        self.segment.close()
        for namespace in self._extra:
            subprocess.run(["ip", "netns", "del", namespace], check=True)

    def end_all_in(self, host: str) -> None:
        """Speakers outlive their agents."""
        for pid in subprocess.run(
            ["ip", "netns", "pids", self.segment.namespace(host)], capture_output=True, text=True, check=False
        ).stdout.split():
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                continue

    # ------------------------------------------------------------------------------------ commands

    def run(self, host: str, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        inside = ["ip", "netns", "exec", self.segment.namespace(host), *command]
        return subprocess.run(inside, capture_output=True, text=True, check=check, timeout=90)

    def ip(self, host: str, *words: str) -> None:
        subprocess.run(["ip", "-n", self.segment.namespace(host), *words], check=True)

    def bgpctl(self, node: str, *words: str) -> subprocess.CompletedProcess[str]:
        return self.run(node, BGPCTL, *words, "--run-dir", str(self.run_directory(node)), check=False)

    def run_directory(self, node: str) -> Path:
        return self.directory / "run" / node

    def start(self, node: str) -> subprocess.Popen[bytes]:
        where = ("--node", node, "--resources", str(self.resources), "--run-dir", str(self.run_directory(node)))
        return self.segment.start(node, BGPCTL, "agent", *where, log=self.directory / f"{node}.log")

    def restart(self, node: str) -> None:
        self.agents[node] = self.start(node)

    # ------------------------------------------------------------------------------- what is there

    def status(self, node: str) -> AgentStatus | None:
        try:
            with ControlClient(self.run_directory(node) / "agent.sock") as client:
                return client.ask(ShowAgent())
        except ControlError:
            return None

    def known_status(self, node: str) -> AgentStatus:
        return eventually(lambda: self.status(node), f"the agent of {node} answers")

    def known_pid(self, node: str) -> int:
        """The speaker's, also when no agent is there to be asked."""
        return int((self.run_directory(node) / "speaker.pid").read_text())

    def peers(self, node: str) -> tuple[PeerStatus, ...]:
        try:
            with ControlClient(self.run_directory(node) / "speaker.sock") as client:
                return client.ask(ShowPeers()).peers
        except ControlError:
            return ()

    def metric(self, node: str, name: str) -> float:
        fetch = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:9179/metrics').read().decode())"
        page = self.run(node, sys.executable, "-c", fetch).stdout
        (value,) = [line.split()[1] for line in page.splitlines() if line.startswith(f"{name} ")]
        return float(value)

    def way(self, destination: str = SERVICE) -> str:
        """The node that tor's kernel sends this to, "" when it is none."""
        shown = ["ip", "-n", self.segment.namespace("tor"), "-json", "route", "get", destination]
        found = subprocess.run(shown, capture_output=True, text=True, check=False)
        gateway = json.loads(found.stdout)[0].get("gateway", "") if found.returncode == 0 else ""
        return next((node for node, address in ADDRESSES.items() if address == gateway), "")

    def told_by(self, node: str) -> set[str]:
        """The prefixes that BIRD has from a node."""
        lines = self.bird.ask("show", "route", "protocol", node, "all").splitlines()
        return {line.split()[0] for line in lines if line[:1].isdigit() and "/" in line}

    def is_whole(self) -> bool:
        statuses = [self.status(node) for node in ADDRESSES]
        has_routes = all(status is not None and status.fib_in_sync and status.fib_installed for status in statuses)
        is_told = all(self.told_by(node) == {SERVICE_NETWORK, BLOCK} for node in ADDRESSES)
        return has_routes and is_told and self.way() == "a" and self.way(POD) == "a"

    def until_whole(self) -> None:
        eventually(self.is_whole, f"everything is up; logs in {self.directory}", PATIENCE)

    def flow(self, target: str = SERVICE) -> Flow:
        return Flow("client", self.segment.namespace("client"), target)


@contextmanager
def drain_world(directory: Path, *, on_import: str = HONOURS) -> Iterator[DrainWorld]:
    world = DrainWorld(directory, on_import=on_import)
    try:
        world.until_whole()
        yield world
    finally:
        world.close()
