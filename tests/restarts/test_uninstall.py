"""A node is left as it was before the agent ran on it: links, addresses, routes, neighbours and forwarding entries.

a    the node: VXLAN pools of both families, a block of each, and next to all that things that are not ours
b    BIRD as another node of the mesh, with blocks behind the VXLAN
t1 t2    BIRDs of another AS that announce the same prefixes: two next hops
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from segment import Segment, eventually

from reflector.control.client import ControlClient, ControlError
from reflector.messages import AgentStatus, ShowAgent

pytestmark = [
    pytest.mark.netns,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
]

BGPCTL = str(Path(sys.executable).with_name("bgpctl"))
PATIENCE = 60.0
RESOURCES = """
apiVersion: projectcalico.org/v3
kind: BGPConfiguration
metadata: {name: default}
spec: {asNumber: 64512}
---
apiVersion: projectcalico.org/v3
kind: Node
metadata: {name: a}
spec:
  bgp: {ipv4Address: 10.0.0.1/24, ipv6Address: "fd00::1/64"}
  ipv4VXLANTunnelAddr: 10.65.1.0
  vxlanTunnelMACAddr: "66:00:00:00:00:01"
  ipv6VXLANTunnelAddr: "fd65:0:0:1::"
  vxlanTunnelMACAddrV6: "66:00:00:00:06:01"
---
apiVersion: projectcalico.org/v3
kind: Node
metadata: {name: b}
spec:
  bgp: {ipv4Address: 10.0.0.2/24, ipv6Address: "fd00::2/64"}
  ipv4VXLANTunnelAddr: 10.65.2.0
  vxlanTunnelMACAddr: "66:00:00:00:00:02"
  ipv6VXLANTunnelAddr: "fd65:0:0:2::"
  vxlanTunnelMACAddrV6: "66:00:00:00:06:02"
---
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: {name: pods}
spec: {cidr: 10.65.0.0/16, ipipMode: Never, vxlanMode: Always, natOutgoing: false}
---
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: {name: pods6}
spec: {cidr: "fd65::/48", ipipMode: Never, vxlanMode: Always, natOutgoing: false}
---
apiVersion: crd.projectcalico.org/v1
kind: BlockAffinity
metadata: {name: a-10-65-1-0-26}
spec: {cidr: 10.65.1.0/26, node: a, state: confirmed, deleted: "false"}
---
apiVersion: crd.projectcalico.org/v1
kind: BlockAffinity
metadata: {name: a-fd65-1}
spec: {cidr: "fd65:0:0:1::/122", node: a, state: confirmed, deleted: "false"}
"""
ROUTERS = "".join(
    f"""
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {{name: {name}-{family}}}
spec: {{node: a, peerIP: "{address}", asNumber: 65000}}
"""
    for name, host in (("t1", 11), ("t2", 12))
    for family, address in (("v4", f"10.0.0.{host}"), ("v6", f"fd00::{host}"))
)
# What a has after its start, and `uninstall` says so. Next to it: a block of b behind each VXLAN.
EXPECTED = (
    "blackhole route 10.65.1.0/26",
    "blackhole route fd65:0:0:1::/122",
    "route 10.65.2.0/26",
    "route fd65:0:0:2::/122",
    "route 172.16.0.0/16",
    "route 2001:db8:16::/48",
    "device vxlan.calico",
    "device vxlan-v6.calico",
)
FOREIGN = (
    ("link", "add", "other", "type", "vxlan", "id", "77", "dstport", "4790", "local", "10.0.0.1"),
    ("link", "set", "other", "address", "02:00:00:00:00:77", "alias", "bgpctl is not this", "up"),
    ("address", "add", "10.77.0.1/24", "dev", "other"),
    ("route", "add", "10.78.0.0/16", "via", "10.0.0.2", "proto", "static"),
    ("-6", "route", "add", "fd78::/64", "via", "fd00::2"),
    ("route", "add", "10.79.0.0/16", "via", "10.0.0.2", "table", "100"),
    ("route", "add", "blackhole", "10.80.0.0/16"),
    ("neighbour", "add", "10.0.0.99", "lladdr", "02:00:00:00:00:99", "dev", "eth0", "nud", "permanent"),
)
SHOWN = (
    ("ip", "-d", "link"),
    ("ip", "-d", "address"),
    ("ip", "-d", "-4", "route", "show", "table", "all"),
    ("ip", "-d", "-6", "route", "show", "table", "all"),
    ("ip", "-d", "-4", "neighbour", "show", "nud", "permanent"),
    ("ip", "-d", "-6", "neighbour", "show", "nud", "permanent"),
    ("bridge", "-d", "fdb"),
    ("ip", "rule"),
    ("ip", "-6", "rule"),
)


def bird_conf(host: int, asn: int, prefixes: tuple[str, str]) -> str:
    channels = "".join(
        f"""
protocol static s{family} {{ {family}; route {prefix} blackhole; }}
protocol bgp b{family} {{
  local {base}{host} as {asn}; neighbor {base}1 as 64512;
  connect delay time 1; connect retry time 1;
  {family} {{ import all; export where source = RTS_STATIC; }};
}}"""
        for family, prefix, base in (("ipv4", prefixes[0], "10.0.0."), ("ipv6", prefixes[1], "fd00::"))
    )
    return f"log stderr all;\nrouter id 10.0.0.{host};\nprotocol device {{ }}\n{channels}\n"


class Site:
    """The four hosts. `before` is what a was before its agent was started."""

    def __init__(self, directory: Path) -> None:
        self.segment = Segment(directory)
        self.directory = directory
        self.run_directory = directory / "run" / "a"
        for name, host in (("a", 1), ("b", 2), ("t1", 11), ("t2", 12)):
            self.segment.host(name, f"10.0.0.{host}/24", f"fd00::{host}/64")
        for words in FOREIGN:
            self.run("ip", *words)
        eventually(lambda: "tentative" not in self.run("ip", "address").stdout, "addresses are usable")
        self.before = self.shown()
        for name, host in (("t1", 11), ("t2", 12)):
            self.segment.bird(name, bird_conf(host, 65000, ("172.16.0.0/16", "2001:db8:16::/48")))
        self.b = self.segment.bird("b", bird_conf(2, 64512, ("10.65.2.0/26", "fd65:0:0:2::/122")))

    def close(self) -> None:
        pids = subprocess.run(
            ["ip", "netns", "pids", self.segment.namespace("a")], capture_output=True, text=True, check=True
        )
        for pid in pids.stdout.split():
            os.kill(int(pid), signal.SIGKILL)
        self.segment.close()

    def run(self, *command: str, host: str = "a", check: bool = True) -> subprocess.CompletedProcess[str]:
        inside = ["ip", "netns", "exec", self.segment.namespace(host), *command]
        return subprocess.run(inside, capture_output=True, text=True, check=check, timeout=60)

    def shown(self) -> list[str]:
        return sorted(line for command in SHOWN for line in self.run(*command).stdout.splitlines())

    def uninstall(self, *options: str, host: str = "a") -> subprocess.CompletedProcess[str]:
        return self.run(BGPCTL, "uninstall", "--run-dir", str(self.run_directory), *options, host=host, check=False)

    def install(self) -> subprocess.Popen[bytes]:
        """The agent, once it has done all that it has to do."""
        resources = self.directory / "cluster.yaml"
        resources.write_text(RESOURCES + ROUTERS)
        where = ("--node", "a", "--resources", str(resources), "--run-dir", str(self.run_directory))
        agent = self.segment.start("a", BGPCTL, "agent", *where, "--without-felix", log=self.directory / "a.log")
        eventually(self.is_installed, f"everything is in the kernel; log in {self.directory}/a.log", PATIENCE)
        return agent

    def is_installed(self) -> bool:
        status = self.status()
        if status is None or not status.fib_in_sync or status.fib_installed < 6:
            return False
        routes = [self.run("ip", family, "route").stdout for family in ("-4", "-6")]
        if "tentative" in self.run("ip", "address").stdout:
            return False
        return all(text.count("nexthop") == 2 for text in routes)

    def status(self) -> AgentStatus | None:
        try:
            with ControlClient(self.run_directory / "agent.sock") as client:
                return client.ask(ShowAgent())
        except ControlError:
            return None

    def processes(self) -> list[str]:
        found = subprocess.run(
            ["ip", "netns", "pids", self.segment.namespace("a")], capture_output=True, text=True, check=True
        )
        return found.stdout.split()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    try:
        yield site
    finally:
        site.close()


def test_an_uninstalled_node_is_what_it_was(site: Site) -> None:
    agent = site.install()
    installed = site.shown()
    (site.run_directory / "notes").write_text("not ours")

    announced = site.uninstall("--dry-run")
    assert (announced.returncode, site.shown(), agent.poll()) == (0, installed, None)
    for thing in EXPECTED:
        assert f"would remove: {thing}" in announced.stdout
    assert f"would remove: agent, process {agent.pid}" in announced.stdout

    elsewhere = site.uninstall(host="b")
    assert (elsewhere.returncode, site.shown(), agent.poll()) == (2, installed, None)
    assert "is in another network namespace" in elsewhere.stderr

    done = site.uninstall()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == announced.stdout.replace("would remove", "removed")
    assert site.shown() == site.before
    assert (agent.wait(5), site.processes()) == (0, [])
    assert [path.name for path in site.run_directory.iterdir()] == ["notes"]
    assert '"bgpctl is uninstalled"' in (site.directory / "b" / "log").read_text()

    (site.run_directory / "notes").unlink()
    assert site.uninstall().returncode == 0
    assert (site.uninstall().stdout, site.run_directory.exists()) == ("nothing of bgpctl is here\n", False)


def test_it_works_without_agent_and_run_directory(site: Site) -> None:
    """And ends a speaker that cannot be reached any more."""
    agent = site.install()
    agent.kill()
    agent.wait()
    (speaker,) = site.processes()
    for path in (*(site.run_directory / "status").glob("*"), *site.run_directory.glob("*.*"), site.run_directory):
        path.rmdir() if path.is_dir() else path.unlink()

    done = site.uninstall()
    assert (done.returncode, done.stderr) == (0, "")
    assert f"removed: speaker, process {speaker}" in done.stdout
    assert (site.shown(), site.processes()) == (site.before, [])
