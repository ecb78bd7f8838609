"""BIRD, FRR, GoBGP and OpenBGPD as nodes of a lab: started, asked the same questions, started again, ended."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import daemon_lab
import pytest
from conftest import Lab, eventually, needs_namespaces

from bgpctl.errors import NotReadyError
from bgpctl.lab.daemons import BgpRoute, process_control, view_of
from bgpctl.lab.daemons.daemon import ANSWER_WITHIN, Place
from bgpctl.lab.daemons.openbgpd import openbgpd_program
from bgpctl.lab.daemons.table import DAEMONS
from bgpctl.lab.expect.convergence import ObservedLab
from bgpctl.lab.netns import namespaces, processes
from bgpctl.lab.netns.kernel import kernel_routes
from bgpctl.lab.netns.state import LabState
from bgpctl.lab.running import runner
from bgpctl.lab.running.status import status_of
from bgpctl.lab.topology.addresses import node_of_address
from bgpctl.lab.topology.document import DocumentError
from bgpctl.lab.topology.roles import Role
from bgpctl.lab.topology.topology import Node
from bgpctl.lab.topology.topology_file import read_topology

pytestmark = [pytest.mark.netns, needs_namespaces]

EVERY = list(daemon_lab.ASN)
# Each connects again within a second or two; four daemons start on two busy cores.
CONVERGED = 40.0


def require_all_daemons() -> None:
    for daemon in DAEMONS.values():
        for program in daemon.needs:
            if shutil.which(program) is None:
                pytest.skip(f"{program} is not installed (Debian package {daemon.package})")


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    require_all_daemons()
    directory = tmp_path_factory.mktemp("daemons")
    daemon_lab.write_configurations(directory)
    name = f"t{os.getpid():x}d"
    file = directory / f"{name}.clab.yml"
    file.write_text(daemon_lab.TOPOLOGY.replace("NAME", name))
    lab = Lab(name, file)
    lab.up()
    yield lab
    runner.down(name)
    assert lab.traces() == []


def node_of(lab: Lab, name: str) -> Node:
    return next(node for node in read_topology(lab.file).nodes if node.name == name)


def answers(lab: Lab, name: str):
    return view_of(LabState(lab.name), node_of(lab, name))


def routes(lab: Lab, name: str) -> dict[str, BgpRoute]:
    return {route.prefix: route for route in answers(lab, name).routes() or ()}


@pytest.mark.parametrize("name", EVERY)
def test_every_daemon_tells_its_sessions_in_the_same_words(lab, name) -> None:
    expected = {(daemon_lab.address(other), "Established") for other in daemon_lab.others(name)}

    def established() -> bool:
        return {(session.peer, session.state) for session in answers(lab, name).sessions() or ()} == expected

    eventually(established, CONVERGED, f"{name} has its sessions")


def test_a_peer_is_shown_by_the_name_of_its_node(lab) -> None:
    names = node_of_address(read_topology(lab.file))
    sessions = view_of(LabState(lab.name), node_of(lab, "bird"), names).sessions() or ()
    assert {session.peer for session in sessions} == {"frr", "gobgp", "openbgpd"}


@pytest.mark.parametrize("name", EVERY)
def test_every_daemon_tells_a_received_route_in_the_same_form(lab, name) -> None:
    """AS_PATH, NEXT_HOP: RFC 4271 5.1; COMMUNITIES: RFC 1997; large ones: RFC 8092."""
    received = {daemon_lab.prefix(other) for other in daemon_lab.others(name)}
    eventually(lambda: received <= routes(lab, name).keys(), CONVERGED, f"{name} has the routes of the others")
    for other in daemon_lab.others(name):
        route = routes(lab, name)[daemon_lab.prefix(other)]
        asn = daemon_lab.ASN[other]
        assert (route.next_hop, route.as_path) == (daemon_lab.address(other), str(asn))
        assert route.communities == (f"{asn}:1:2", f"{asn}:7")
        assert not route.stale


@pytest.mark.parametrize("name", EVERY)
def test_a_route_of_its_own_has_no_next_hop(lab, name) -> None:
    own = routes(lab, name)[daemon_lab.prefix(name)]
    assert (own.next_hop, own.as_path) == ("", "")


def has_in_kernel(lab: Lab, name: str, expected: set[str]) -> bool:
    return {route.to for route in kernel_routes(lab.namespace(name)) if route.via} == expected


def test_the_kernels_of_bird_and_frr_have_the_routes_in_their_own_namespaces(lab) -> None:
    for name in ("bird", "frr"):
        expected = {daemon_lab.prefix(other) for other in daemon_lab.others(name)}
        eventually(partial(has_in_kernel, lab, name, expected), CONVERGED, f"{name} has its kernel routes")


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("bird", "birdc show status"),
        ("frr", "vtysh -c 'show bgp summary'"),
        ("gobgp", "gobgp neighbor"),
        ("openbgpd", "bgpctl show summary"),
    ],
)
def test_exec_finds_the_daemon_of_the_node_without_a_path(lab, name, command) -> None:
    done = lab.command("exec", name, "--", "sh", "-c", command)
    assert done.returncode == 0, done.stderr
    assert "10.9.0." in done.stdout


def test_frr_has_the_name_of_its_node(lab) -> None:
    assert lab.run("frr", "true").returncode == 0
    done = lab.command("exec", "frr", "--", "vtysh", "-c", "show running-config")
    assert "hostname frr" in done.stdout


def test_frrs_bgpd_begins_when_zebra_listens(lab, tmp_path) -> None:
    """Before that, it would advertise routes for ten seconds that are not in the kernel."""
    daemon, place = DAEMONS[Role.FRR], Place("switch", tmp_path, lab.file.with_name("frr.conf"))
    daemon.prepare(place)
    with namespaces.inside(lab.namespace("switch")):
        started = subprocess.Popen(daemon.programs(place)["bgpd"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        eventually(lambda: b"zserv.api" in b" ".join(processes.command_line(started.pid)), 5, "it waits for zebra")
        with socket.socket(socket.AF_UNIX) as zebra:
            zebra.bind(str(place.run / "frr" / "zserv.api"))
            eventually(lambda: processes.command_line(started.pid)[0] == b"/usr/lib/frr/bgpd", 5, "bgpd begins")
    finally:
        started.kill()
        started.wait()


def test_the_ends_of_a_bridges_links_are_its_ports(lab) -> None:
    shown = lab.run("switch", "ip", "-br", "link", "show", "master", "switch").stdout
    assert [line.partition("@")[0] for line in shown.splitlines()] == ["p1", "p2", "p3", "p4"]


def test_a_daemon_that_is_gone_is_started_again_by_up_with_its_commands(lab) -> None:
    topology = read_topology(lab.file)
    state = LabState(lab.name)
    before = process_control.running(state, topology.daemons)
    os.kill(before["gobgp"][0], signal.SIGKILL)
    os.kill(before["frr"][-1], signal.SIGKILL)
    eventually(
        lambda: set(process_control.running(state, topology.daemons)) == {"bird", "openbgpd"}, 5, "both are gone"
    )
    states = {one.node.name: one.state.value for one in status_of(topology)}
    assert states == {"switch": "ready", "bird": "ready", "frr": "down", "gobgp": "down", "openbgpd": "ready"}
    result = lab.up()
    assert (result.built, set(result.started)) == (False, {"frr", "gobgp"})
    after = process_control.running(state, topology.daemons)
    assert after["bird"] == before["bird"]
    assert not set(after["frr"]) & set(before["frr"])
    assert routes(lab, "gobgp")["10.50.3.0/24"].communities == ("65003:1:2", "65003:7")


def test_only_a_bird_that_was_killed_is_started_so_that_it_keeps_its_kernel_routes(lab) -> None:
    """RFC 4724 4.1: who restarts keeps its forwarding state. Without -R BIRD clears the kernel's table first."""
    topology, state = read_topology(lab.file), LabState(lab.name)
    (before,) = process_control.running(state, topology.daemons)["bird"]
    assert b"-R" not in processes.command_line(before)
    os.kill(before, signal.SIGKILL)
    eventually(lambda: "bird" not in process_control.running(state, topology.daemons), 5, "bird is gone")
    lab.up()
    (after,) = process_control.running(state, topology.daemons)["bird"]
    assert b"-R" in processes.command_line(after)


def test_a_daemon_whose_configuration_is_refused_at_a_restart_is_started_by_the_next_up(lab) -> None:
    topology, state = read_topology(lab.file), LabState(lab.name)
    configuration = lab.file.with_name("frr.conf")
    good = configuration.read_text()
    configuration.write_text(good + "nonsense\n")
    try:
        os.kill(process_control.running(state, topology.daemons)["frr"][0], signal.SIGKILL)
        eventually(lambda: "frr" not in process_control.running(state, topology.daemons), 5, "zebra is gone")
        with pytest.raises(NotReadyError, match="frr of frr refuses"):
            lab.up()
    finally:
        configuration.write_text(good)
    assert lab.up().started == ("frr",)
    assert lab.up().started == ()


def test_a_daemon_that_does_not_answer_is_up_and_not_ready(lab) -> None:
    topology = read_topology(lab.file)
    (pid,) = process_control.running(LabState(lab.name), topology.daemons)["bird"]
    os.kill(pid, signal.SIGSTOP)
    try:
        (bird,) = [one for one in status_of(topology) if one.node.name == "bird"]
    finally:
        os.kill(pid, signal.SIGCONT)
    assert (bird.state.value, bird.processes) == ("up", (("bird", pid),))


def test_a_node_that_is_ignored_is_not_asked_and_delays_no_answer(lab) -> None:
    topology = read_topology(lab.file)
    (pid,) = process_control.running(LabState(lab.name), topology.daemons)["bird"]
    observed = ObservedLab.of(topology)
    os.kill(pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        assert set(observed.sessions({"bird"})) == {"frr", "gobgp", "openbgpd"}
        # So long an answer of a frozen one is waited for.
        assert time.monotonic() - began < ANSWER_WITHIN
    finally:
        os.kill(pid, signal.SIGCONT)


def test_status_shows_every_node_with_role_state_and_processes(lab) -> None:
    done = lab.command("status")
    assert done.returncode == 0, done.stderr
    rows = {cells[1]: cells[2:] for line in done.stdout.splitlines() if len(cells := re.split(r"\s*[│┃]\s*", line)) > 4}
    assert rows["frr"][:2] == ["frr", "ready"]
    assert {word.split()[0] for word in rows["frr"][2].split(", ")} == {"zebra", "bgpd", "staticd"}
    assert rows["switch"][:3] == ["bridge", "ready", ""]


def one_daemon(role: str, configuration: Path) -> str:
    return f"""
name: NAME
topology:
  nodes:
    r1: {{kind: linux, labels: {{bgpctl-role: {role}}}, startup-config: {configuration}}}
"""


@pytest.mark.parametrize(
    ("role", "sentence"),
    [
        ("bird", r"^bird of r1 ended with status 1: .*bird.conf:1:1 syntax error"),
        ("frr", r"(?s)^frr of r1 refuses .*frr.conf: line 1: % Unknown command.*nonsense"),
        ("gobgp", r"^gobgpd of r1 ended with status 1: .*Can't read config file"),
        ("openbgpd", r"(?s)^bgpd of r1 ended with status 1: .*openbgpd.conf:1: syntax error"),
    ],
)
def test_a_daemon_that_refuses_its_configuration_ends_up_with_its_last_lines(make_lab, tmp_path, role, sentence):
    require_all_daemons()
    configuration = tmp_path / f"{role}.conf"
    configuration.write_text("nonsense\n")
    lab = make_lab(one_daemon(role, configuration))
    with pytest.raises(NotReadyError, match=sentence):
        lab.up()
    assert lab.traces() == []


def test_a_command_of_the_daemons_own_tool_that_fails_is_reported_with_its_line(make_lab, tmp_path) -> None:
    require_all_daemons()
    (tmp_path / "gobgpd.toml").write_text('[global.config]\nas = 65001\nrouter-id = "10.0.0.1"\n')
    text = one_daemon("gobgp", tmp_path / "gobgpd.toml")
    lab = make_lab(text.replace("}, startup", "}, exec: [gobgp global rib add nonsense], startup"))
    place = r":5: error: \$\.topology\.nodes\.r1\.exec\[0\]: `gobgp global rib add nonsense` ended with status 1"
    with pytest.raises(DocumentError, match=place):
        lab.up()
    assert lab.traces() == []


def test_a_daemon_that_is_not_installed_is_reported_with_its_package(make_lab, tmp_path, monkeypatch) -> None:
    (tmp_path / "x.conf").touch()
    lab = make_lab(one_daemon("frr", tmp_path / "x.conf"))
    monkeypatch.setattr(type(DAEMONS[node_of(lab, "r1").role]), "needs", ("/usr/lib/frr/absent",))
    with pytest.raises(NotReadyError, match=r"frr, but /usr/lib/frr/absent is missing; install the package frr$"):
        lab.up()
    assert lab.traces() == []


def test_openbgpd_is_taken_from_beside_the_environment_before_the_system(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert openbgpd_program("bgpctl") == "/usr/sbin/bgpctl"
    unpacked = tmp_path / "openbgpd/usr/sbin/bgpctl"
    unpacked.parent.mkdir(parents=True)
    unpacked.touch()
    assert openbgpd_program("bgpctl") == str(unpacked)
