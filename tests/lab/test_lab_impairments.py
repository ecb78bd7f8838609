"""Links that are cut, parted, flapping, late, lossy and narrow, measured with pings between two hosts and a router."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from pathlib import Path

import pytest
from conftest import bgpctl, eventually, needs_namespaces

from bgpctl.lab.actions import ActionScope, RunningLab, read_action
from bgpctl.lab.netns import processes
from bgpctl.lab.netns.state import LabState
from bgpctl.lab.topology.node_names import NodeNames
from bgpctl.lab.topology.topology_file import read_topology

pytestmark = [pytest.mark.netns, needs_namespaces]

TOPOLOGY = """
name: NAME
topology:
  defaults: {kind: linux, sysctls: {net.ipv4.ip_forward: 1, net.ipv6.conf.default.accept_dad: 0}}
  nodes:
    h1: {exec: [ip route add default via 10.1.0.1, ip -6 route add default via fd01::1]}
    h2: {exec: [ip route add default via 10.2.0.1, ip -6 route add default via fd02::1]}
    h3: {}
    router: {sysctls: {net.ipv6.conf.all.forwarding: 1}}
  links:
    - {endpoints: ["h1:eth1", "router:a"], ipv4: [10.1.0.2/24, 10.1.0.1/24], ipv6: ["fd01::2/64", "fd01::1/64"]}
    - {endpoints: ["h2:eth1", "router:b"], ipv4: [10.2.0.2/24, 10.2.0.1/24], ipv6: ["fd02::2/64", "fd02::1/64"]}
    - {endpoints: ["h3:eth1", "h2:eth2"], ipv4: [10.3.0.3/24, 10.3.0.2/24]}
"""
H2, H2_IPV6 = "10.2.0.2", "fd02::2"
# The reaction of a busy machine; the delay itself is exact to a millisecond on a quiet one.
SLACK = 20.0


class Hosts:
    """The lab, and what is done to it."""

    def __init__(self, lab) -> None:
        self.lab = lab
        self.topology = read_topology(lab.file)

    def do(self, text: str) -> None:
        scope = ActionScope(NodeNames(self.topology, {}), self.lab.file.parent)
        action = read_action(text, scope)
        with LabState(self.lab.name).locked(create=False) as lock:
            action.do(RunningLab(self.topology, self.lab.file.parent, lock))

    def ping(self, target: str, count: int = 3, interval: float = 0.02) -> str:
        return self.lab.run("h1", "ping", "-q", f"-c{count}", f"-i{interval}", "-W1", target).stdout

    def received(self, target: str, count: int = 3, interval: float = 0.02) -> int:
        return int(re.search(r"(\d+) received", self.ping(target, count, interval))[1])

    def fastest(self, target: str) -> float:
        """The shortest round trip in milliseconds: what the link does, without what the machine adds."""
        return float(re.search(r"rtt min/avg/max/mdev = ([\d.]+)/", self.ping(target, 10))[1])


@pytest.fixture
def hosts(make_lab) -> Hosts:
    made = Hosts(make_lab(TOPOLOGY))
    made.lab.up()
    assert made.received(H2) == made.received(H2_IPV6) == 3
    return made


def test_a_link_that_is_cut_and_mended_has_its_addresses_and_routes_again(hosts: Hosts) -> None:
    before = [hosts.lab.run("h1", "ip", family, "route").stdout for family in ("-4", "-6")]
    hosts.do("cut h1--router")
    assert hosts.received(H2, 1) == 0
    hosts.do("mend h1--router")
    eventually(lambda: hosts.received(H2, 1), 10, "IPv4 is back")
    eventually(lambda: hosts.received(H2_IPV6, 1), 10, "IPv6 is back")
    assert [hosts.lab.run("h1", "ip", family, "route").stdout for family in ("-4", "-6")] == before


def test_a_node_without_power_has_its_default_route_again(hosts: Hosts) -> None:
    hosts.do("power off h1")
    assert hosts.lab.run("h1", "ip", "route").stdout == ""
    hosts.do("power on h1")
    eventually(lambda: hosts.received(H2, 1), 10, "IPv4 is back")
    eventually(lambda: hosts.received(H2_IPV6, 1), 10, "IPv6 is back")


def test_two_nodes_that_meet_in_a_third_are_parted_by_address_and_lose_no_carrier(hosts: Hosts) -> None:
    """To h2 belongs h3, which is linked to nothing else."""
    assert hosts.lab.run("h3", "ip", "route", "add", "default", "via", "10.3.0.2").returncode == 0
    assert hosts.lab.run("router", "ip", "route", "add", "10.3.0.0/24", "via", H2).returncode == 0
    assert hosts.received("10.3.0.3") == 3
    hosts.do("cut h1 from h2")
    assert hosts.received(H2, 1) == hosts.received(H2_IPV6, 1) == hosts.received("10.3.0.3", 1) == 0
    assert hosts.received("10.1.0.1") == 3
    assert "LOWER_UP" in hosts.lab.run("h1", "ip", "link", "show", "eth1").stdout
    hosts.do("mend h1 from h2")
    assert hosts.received(H2) == hosts.received(H2_IPV6) == hosts.received("10.3.0.3") == 3


def test_a_flapping_link_is_up_in_the_end(hosts: Hosts) -> None:
    def changes() -> int:
        output = hosts.lab.run("router", "cat", "/sys/class/net/a/carrier_changes")
        return int(output.stdout)

    before = changes()
    hosts.do("flap h1--router times 4 every 20ms")
    assert changes() - before >= 4
    eventually(lambda: hosts.received(H2, 1), 10, "the link is up")


def test_one_direction_is_later_by_the_delay(hosts: Hosts) -> None:
    hosts.do("impair h1:eth1 delay 200ms")
    for target in (H2, H2_IPV6):
        assert 200 <= hosts.fastest(target) <= 200 + SLACK
    hosts.do("clear h1:eth1")
    assert hosts.fastest(H2) < 200


def test_a_link_is_later_in_both_directions(hosts: Hosts) -> None:
    hosts.do("impair h1--router delay 50ms")
    assert 100 <= hosts.fastest(H2) <= 100 + SLACK


def test_a_new_impairment_replaces_the_old_one(hosts: Hosts) -> None:
    hosts.do("impair h1:eth1 delay 300ms")
    hosts.do("impair h1:eth1 delay 30ms")
    assert 30 <= hosts.fastest(H2) < 300


def test_of_two_thousand_packets_five_in_a_hundred_are_lost(hosts: Hosts) -> None:
    """The chance is drawn from a seed: the bound is three standard deviations of it, as it would be without one."""
    hosts.do("impair h1:eth1 loss 5%")
    lost = 2000 - hosts.received(H2, 2000, 0.001)
    assert 70 <= lost <= 130


def test_everything_is_lost_without_a_change_of_carrier(hosts: Hosts) -> None:
    hosts.do("impair h1--router loss 100%")
    assert hosts.received(H2, 2) == 0
    assert "LOWER_UP" in hosts.lab.run("h1", "ip", "link", "show", "eth1").stdout


def test_tcp_gets_through_an_impairment_with_its_segments_whole(hosts: Hosts) -> None:
    """The kernel leaves cutting into segments and summing to the last moment; the impairment must come after it."""
    hosts.do("impair h1--router delay 5ms")
    receive = subprocess.Popen(
        ["ip", "netns", "exec", hosts.lab.namespace("h2"), "python3", "-c", RECEIVE], stdout=subprocess.PIPE, text=True
    )
    assert receive.stdout is not None
    assert receive.stdout.readline() == "listening\n"
    assert hosts.lab.run("h1", "python3", "-c", SEND).returncode == 0
    assert receive.communicate(timeout=30)[0] == "2000000 good\n"


RECEIVE = """
import socket
server = socket.create_server(("10.2.0.2", 7777))
print("listening", flush=True)
data = b"".join(iter(lambda: client.recv(65536), b"")) if (client := server.accept()[0]) else b""
print(len(data), "good" if data == bytes(range(250)) * 8000 else "bad")
"""
SEND = """
import socket
with socket.create_connection(("10.2.0.2", 7777)) as client:
    client.sendall(bytes(range(250)) * 8000)
"""


def test_a_rate_is_kept(hosts: Hosts) -> None:
    """40 packets of 1 kB at 400 kbit/s are 0.8 s; what waits for more than 0.2 s is dropped."""
    hosts.do("impair h1:eth1 rate 400kbit")
    output = hosts.lab.run("h1", "ping", "-q", "-c40", "-i0.002", "-s958", "-W2", H2).stdout
    received = int(re.search(r"(\d+) received", output)[1])
    assert 8 <= received < 40


def test_impairments_are_not_among_the_processes_of_a_node_and_go_with_the_lab(hosts: Hosts) -> None:
    hosts.do("impair h1 delay 1ms")
    namespace = hosts.lab.namespace("_impairments")
    assert len(processes.running_in([namespace])[namespace]) == 2
    assert hosts.lab.namespace("h1") not in hosts.lab.processes()
    assert bgpctl("lab", "down", hosts.lab.file).returncode == 0
    assert hosts.lab.traces() == []


def test_down_removes_what_a_killed_impairment_has_left(hosts: Hosts) -> None:
    hosts.do("impair h1:eth1 delay 1ms")
    namespace = hosts.lab.namespace("_impairments")
    (pid,) = processes.running_in([namespace])[namespace]
    processes.send(pid, [namespace], signal.SIGKILL)
    eventually(lambda: not processes.running_in([namespace]), 10, "the process has ended")
    assert hosts.received(H2, 1) == 0
    hosts.do("clear h1:eth1")
    assert hosts.received(H2) == 3
    hosts.do("impair h1:eth1 delay 1ms")
    assert bgpctl("lab", "down", hosts.lab.file).returncode == 0
    assert hosts.lab.traces() == []


def test_an_address_that_both_sides_have_is_not_cut_off(hosts: Hosts) -> None:
    """The gateway of pods is the same on every node: theirs stays theirs."""
    for node in ("h1", "h2"):
        hosts.lab.run(node, "ip", "address", "add", "169.254.1.1/32", "dev", "lo", "scope", "global")
    hosts.lab.run("h3", "ip", "route", "add", "169.254.1.1", "via", "10.3.0.2")
    hosts.do("cut h1 from h2")
    assert hosts.received(H2, 1) == 0
    assert hosts.lab.run("h3", "ping", "-c1", "-W2", "169.254.1.1").returncode == 0


def test_the_command_does_one_action_and_says_what_takes_it_back(hosts: Hosts) -> None:
    (Path(hosts.lab.file).parent / "expectations.yml").write_text("pings: {h1: 10.1.0.2, h2: 10.2.0.2}\n")
    done = hosts.lab.command("do", "cut", "h1", "from", "h2")
    assert done.stdout == "done: cut h1 from h2; it is undone by: mend h1 from h2\n", done.stderr
    report = hosts.lab.file.with_suffix(".json")
    assert hosts.lab.command("test", "--within", "0.1", "--json", str(report)).returncode == 1
    assert json.loads(report.read_text())["checks"][1]["failures"] == ["h1 -> h2: no answer", "h2 -> h1: no answer"]
    assert hosts.lab.command("do", "mend h1 from h2").returncode == 0
    assert hosts.lab.command("test").returncode == 0
    wrong = hosts.lab.command("do", "cut", "h1", "form", "h2")
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert "'form h2' is not expected" in wrong.stderr


def test_a_command_is_run_where_expectations_yml_is(hosts: Hosts) -> None:
    (Path(hosts.lab.file).parent / "expectations.yml").write_text("pings: {h1: 10.1.0.2, h2: 10.2.0.2}\n")
    assert hosts.lab.command("do", "run", "h1", "test", "-f", "expectations.yml").returncode == 0
    assert hosts.lab.command("do", "run", "h1", "test", "-f", "nowhere").returncode != 0
