"""`bgpctl lab up|down|exec` against the kernel: a router between two hosts, and every way to be interrupted."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest
from conftest import BGPCTL, bgpctl, command_line, eventually, needs_namespaces

from bgpctl.lab.expect.expectations import Expectations
from bgpctl.lab.netns import namespaces
from bgpctl.lab.netns.state import LABS
from bgpctl.lab.traffic import echo

pytestmark = [pytest.mark.netns, needs_namespaces]

ROUTER = """
name: NAME
topology:
  defaults: {kind: linux, sysctls: {net.ipv4.ip_forward: 1}}
  nodes:
    router:
      exec: [ip address add 10.2.0.1/24 dev b]
    h1: {exec: [ip route add default via 10.1.0.1]}
    h2: {exec: [ip route add default via 10.2.0.1]}
  links:
    - {endpoints: ["router:a", "h1:eth1"], ipv4: [10.1.0.1/24, 10.1.0.2/24]}
    - type: veth
      endpoints:
        - {node: h2, interface: eth1, mac: "02:00:00:00:00:09", ipv4: 10.2.0.2/24}
        - {node: router, interface: b}
      mtu: 1400
"""
# `up` stays in the middle of its work until the file exists.
HALF_WAY = ROUTER.replace("h2: {exec: [", "h2: {exec: [\"sh -c 'test -e FLAG || exec sleep 60'\", ")


def half_way(make_lab, tmp_path: Path):
    return make_lab(HALF_WAY.replace("FLAG", str(tmp_path / "flag")))


def sleeper_of(lab) -> int | None:
    """The process that `up` is waiting for."""
    for pid in lab.processes().get(lab.namespace("h2"), ()):
        if command_line(pid).startswith(b"sleep"):
            return pid
    return None


def wait_until_half_way(lab) -> None:
    eventually(lambda: sleeper_of(lab), 20, "the command in h2 runs")


def test_hosts_reach_each_other_through_the_router(make_lab) -> None:
    lab = make_lab(ROUTER)
    lab.up()
    assert lab.ping("h1", "10.2.0.2")


def test_extended_links_carry_mac_and_mtu(make_lab) -> None:
    lab = make_lab(ROUTER)
    lab.up()
    link = lab.run("h2", "ip", "-br", "link", "show", "eth1").stdout
    assert "02:00:00:00:00:09" in link
    assert "mtu 1400" in lab.run("router", "ip", "link", "show", "b").stdout


def test_nothing_of_a_lab_is_in_the_namespace_of_the_machine(make_lab) -> None:
    before = subprocess.check_output(["ip", "-br", "link"], text=True)
    lab = make_lab(ROUTER)
    lab.up()
    assert subprocess.check_output(["ip", "-br", "link"], text=True) == before


def test_exec_ends_with_the_status_of_its_command(make_lab) -> None:
    lab = make_lab(ROUTER)
    lab.up()
    assert lab.command("exec", "h1", "--", "sh", "-c", "exit 7").returncode == 7


def test_exec_has_the_environment_of_its_node(make_lab) -> None:
    lab = make_lab(ROUTER.replace("h1: {exec:", "h1: {env: {COLOUR: blue}, exec:"))
    lab.up()
    assert lab.command("exec", "h1", "--", "sh", "-c", "echo $COLOUR").stdout == "blue\n"
    assert lab.command("exec", "h2", "--", "sh", "-c", "echo $COLOUR").stdout == "\n"


def test_exec_in_an_unknown_node_names_the_one_that_was_meant(make_lab) -> None:
    lab = make_lab(ROUTER)
    lab.up()
    done = lab.command("exec", "ruoter", "true")
    assert done.returncode == 2
    assert "did you mean 'router'?" in done.stderr


def test_sysctl_commands_are_done_in_the_node(make_lab) -> None:
    sysctl = "default via 10.1.0.1, sysctl -w net.ipv4.ip_default_ttl=9"
    lab = make_lab(ROUTER.replace("default via 10.1.0.1", sysctl))
    lab.up()
    assert lab.run("h1", "cat", "/proc/sys/net/ipv4/ip_default_ttl").stdout == "9\n"
    assert lab.run("h2", "cat", "/proc/sys/net/ipv4/ip_default_ttl").stdout == "64\n"


def test_up_on_a_running_lab_says_so_and_does_nothing(make_lab) -> None:
    lab = make_lab(ROUTER)
    assert "3 nodes are up after" in lab.command("up").stdout
    before = namespaces.inode(lab.namespace("h1"))
    assert lab.command("up").stdout == f"lab {lab.name} is up already; nothing to do\n"
    assert namespaces.inode(lab.namespace("h1")) == before


def test_up_after_the_topology_changed_asks_for_down_first(make_lab) -> None:
    lab = make_lab(ROUTER)
    lab.up()
    lab.file.write_text(lab.file.read_text() + "\n# changed\n")
    done = lab.command("up")
    assert done.returncode == 2
    assert "has changed since its lab came up" in done.stderr
    assert lab.ping("h1", "10.2.0.2")


def test_down_leaves_nothing(make_lab) -> None:
    lab = make_lab(ROUTER)
    lab.up()
    assert lab.command("down").stdout == f"lab {lab.name} is gone\n"
    assert lab.traces() == []


def test_down_on_a_lab_that_is_not_up_says_so(make_lab) -> None:
    lab = make_lab(ROUTER)
    done = lab.command("down")
    assert (done.returncode, done.stdout) == (0, f"lab {lab.name} is not up; nothing to do\n")


def test_down_works_by_name_when_the_file_is_gone(make_lab) -> None:
    lab = make_lab(ROUTER)
    lab.up()
    lab.file.rename(lab.file.with_suffix(".away"))
    assert bgpctl("lab", "down", lab.name).returncode == 0
    assert lab.traces() == []
    lab.file.with_suffix(".away").rename(lab.file)


def test_down_kills_what_runs_in_the_lab(make_lab) -> None:
    lab = make_lab(ROUTER)
    lab.up()
    sleeper = subprocess.Popen([BGPCTL, "lab", "exec", lab.file, "h1", "--", "sleep", "60"])
    eventually(lambda: sleeper.pid in lab.processes().get(lab.namespace("h1"), ()), 10, "sleep runs in h1")
    assert lab.command("down").returncode == 0
    assert sleeper.wait(timeout=5) == -signal.SIGKILL


@pytest.mark.parametrize("nodes", [0, 1, 3])
def test_down_cleans_up_after_up_was_killed_with_that_many_namespaces_made(make_lab, tmp_path, nodes: int) -> None:
    lab = half_way(make_lab, tmp_path)
    up = lab.start("up")
    eventually(lambda: (LABS / lab.name).exists() and len(lab.namespaces()) >= nodes, 20, "up is at work")
    up.kill()
    up.communicate(timeout=10)
    assert lab.traces() != []
    assert lab.command("down").returncode == 0
    assert lab.traces() == []


def test_down_kills_the_command_that_a_killed_up_was_waiting_for(make_lab, tmp_path) -> None:
    lab = half_way(make_lab, tmp_path)
    up = lab.start("up")
    wait_until_half_way(lab)
    up.kill()
    up.wait(timeout=10)
    assert sleeper_of(lab)
    assert lab.command("down").returncode == 0
    assert lab.traces() == []


def test_up_after_a_killed_up_builds_the_whole_lab(make_lab, tmp_path) -> None:
    lab = half_way(make_lab, tmp_path)
    up = lab.start("up")
    wait_until_half_way(lab)
    up.kill()
    up.wait(timeout=10)
    (tmp_path / "flag").touch()
    lab.up()
    assert lab.ping("h1", "10.2.0.2")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_up_undoes_itself_when_a_signal_ends_it(make_lab, tmp_path, number: signal.Signals) -> None:
    lab = half_way(make_lab, tmp_path)
    up = lab.start("up")
    wait_until_half_way(lab)
    up.send_signal(number)
    _, output = up.communicate(timeout=10)
    assert up.returncode == 128 + number
    assert output == f"bgpctl: {number.name}; the lab was taken down\n"
    assert lab.traces() == []


def test_up_undoes_itself_when_a_command_fails_and_names_its_line(make_lab) -> None:
    lab = make_lab(ROUTER.replace("default via 10.2.0.1", "default via 10.9.9.9"))
    done = lab.command("up")
    assert done.returncode == 1
    assert done.stderr.startswith(
        f"{lab.file}:9: error: $.topology.nodes.h2.exec[0]: `ip route add default via 10.9.9.9`"
    )
    assert "Nexthop has invalid gateway" in done.stderr
    assert lab.traces() == []


def test_a_second_up_waits_for_the_first(make_lab, tmp_path) -> None:
    lab = half_way(make_lab, tmp_path)
    first = lab.start("up")
    wait_until_half_way(lab)
    second = lab.start("up")
    sleeper = sleeper_of(lab)
    with pytest.raises(subprocess.TimeoutExpired):
        second.wait(timeout=2)
    subprocess.run(["kill", str(sleeper)], check=True)
    _, output = first.communicate(timeout=10)
    assert first.returncode == 1, output  # its command was killed: it undid itself, and the second built anew
    wait_until_half_way(lab)
    second.terminate()
    second.communicate(timeout=10)


def test_two_labs_live_side_by_side(make_lab) -> None:
    one, other = make_lab(ROUTER), make_lab(ROUTER)
    one.up()
    other.up()
    assert one.command("down").returncode == 0
    assert one.traces() == []
    assert other.ping("h1", "10.2.0.2")


def test_a_namespace_that_somebody_else_made_is_refused_and_left_alone(make_lab) -> None:
    lab = make_lab(ROUTER)
    foreign = lab.namespace("h1")
    subprocess.run(["ip", "netns", "add", foreign], check=True)
    try:
        done = lab.command("up")
        assert done.returncode == 2
        assert f"there is a network namespace {foreign} that this lab did not make" in done.stderr
        assert lab.traces() == [foreign]
    finally:
        subprocess.run(["ip", "netns", "del", foreign], check=True)


def test_without_root_up_says_so_in_one_sentence(make_lab) -> None:
    lab = make_lab(ROUTER)
    # Without privileges, but able to read this working copy wherever it lies.
    unprivileged = [
        "setpriv",
        "--reuid",
        "65534",
        "--inh-caps",
        "+dac_read_search",
        "--ambient-caps",
        "+dac_read_search",
    ]
    with tempfile.TemporaryDirectory() as readable:
        Path(readable).chmod(0o755)
        shutil.copy(lab.file, readable)
        up = [*unprivileged, BGPCTL, "lab", "up", f"{readable}/{lab.file.name}"]
        done = subprocess.run(up, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (2, "bgpctl: a lab needs root: it makes network namespaces\n")


def test_without_the_right_to_make_namespaces_up_says_so_in_one_sentence(make_lab) -> None:
    lab = make_lab(ROUTER)
    drop = ["setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin"]
    done = subprocess.run(
        [*drop, BGPCTL, "lab", "up", lab.file], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("bgpctl: this machine does not let us add network namespaces: ")
    assert done.stderr.count("\n") == 1
    assert lab.traces() == []


ADDRESSES = {"h1": ("10.1.0.2",), "h2": ("10.2.0.2",), "router": ("10.1.0.1",)}


def answered_pings(lab, within: float) -> set[tuple[str, str]]:
    wanted = Expectations(pods=ADDRESSES).all_pings
    answered = echo.ping_all(wanted, lab.namespace, within)
    assert all(0 < seconds < within for seconds in answered.values())
    return {(ping.source, ping.target) for ping in answered}


def test_the_ping_matrix_has_an_answer_for_each_pair_that_reaches_the_other(make_lab) -> None:
    lab = make_lab(ROUTER)
    lab.up()
    assert answered_pings(lab, 1) == {(a, b) for a in ADDRESSES for b in ADDRESSES if a != b}


def test_the_ping_matrix_lacks_the_pairs_that_do_not_reach_each_other(make_lab) -> None:
    lab = make_lab(ROUTER)
    lab.up()
    assert lab.run("router", "ip", "link", "set", "dev", "b", "down").returncode == 0
    assert answered_pings(lab, 0.3) == {("h1", "router"), ("router", "h1")}


def test_the_ping_matrix_is_of_both_families(make_lab) -> None:
    """A pair is there once for each family that both ends have (RFC 792, RFC 4443)."""
    lab = make_lab(ROUTER)
    lab.up()
    for node, link, address in (("h1", "eth1", "fd00:1::2/64"), ("router", "a", "fd00:1::1/64")):
        assert lab.run(node, "ip", "address", "add", address, "dev", link, "nodad").returncode == 0
    pods = ADDRESSES | {"h1": ("10.1.0.2", "fd00:1::2"), "router": ("10.1.0.1", "fd00:1::1")}
    wanted = Expectations(pods=pods).all_pings
    answered = echo.ping_all(wanted, lab.namespace, 1)
    assert set(answered) == set(wanted)
    assert sum(":" in ping.address for ping in wanted) == 2
