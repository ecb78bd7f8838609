"""An agent whose Node has no address, with the real speaker: it finds one, shows it, and follows it.

Nodes `a` and `b` have a namespace each and a wire between them. The resources that `a` reads do not have its
address; `b` reads others, as only `a` has what it has detected.
"""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from agent_world import BGPCTL, CLUSTER, WaitUntil, World, in_namespace
from typer.testing import CliRunner

from bgpctl.agent import AgentOptions
from bgpctl.cli import agent as agent_command
from bgpctl.cli import app
from reflector.messages import PeerStatus

WITHOUT_ADDRESS = CLUSTER.replace("{bgp: {ipv4Address: 10.0.0.1/24}}", "{}")


def ip(namespace: str, *words: str) -> None:
    subprocess.run(["ip", "-n", namespace, *words], check=True)


@pytest.fixture
def worlds(netns: str, tmp_path: Path) -> Iterator[tuple[World, World]]:
    """Those of a and b."""
    other = f"{netns}-b"
    subprocess.run(["ip", "netns", "add", other], check=True)
    made: list[World] = []
    try:
        ip(netns, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", other)
        for name, namespace, address, cluster in (
            ("a", netns, "10.0.0.1/24", WITHOUT_ADDRESS),
            ("b", other, "10.0.0.2/24", CLUSTER),
        ):
            ip(namespace, "link", "set", "lo", "up")
            ip(namespace, "link", "set", "eth0", "up")
            ip(namespace, "address", "add", address, "dev", "eth0")
            (tmp_path / name).mkdir()
            made.append(World({name: namespace}, tmp_path / name, "--no-fib"))
            made[-1].write("cluster.yaml", cluster)
        yield made[0], made[1]
    finally:
        for world in made:
            world.end()
        subprocess.run(["ip", "netns", "del", other], check=True)


def up(worlds: tuple[World, World], wait_until: WaitUntil) -> tuple[World, World]:
    a, b = worlds
    a.start("a")
    b.start("b")
    wait_until(lambda: a.established("a") and b.established("b"), 60)
    return a, b


def seen_by(world: World, node: str) -> PeerStatus:
    (peer,) = world.peers(node)
    return peer


@pytest.mark.netns
def test_a_node_without_an_address_peers_with_the_one_it_found_and_shows_it(
    worlds: tuple[World, World], wait_until: WaitUntil
) -> None:
    a, _ = up(worlds, wait_until)
    assert seen_by(a, "a").local_address == "10.0.0.1"
    status = a.known_status("a")
    assert status.detected_addresses == ("IPv4 10.0.0.1/24, found on eth0 (first-found)",)
    assert [(each.severity, each.path) for each in status.problems] == [("warning", "$.spec.bgp.ipv4Address")]
    shown = subprocess.run(
        [*in_namespace(a.namespaces["a"]), BGPCTL, "status", "--run-dir", a.run_directory("a")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "a: detected: IPv4 10.0.0.1/24, found on eth0 (first-found)" in shown.stdout


@pytest.mark.netns
def test_an_address_that_flaps_or_changes_its_length_resets_no_session(
    worlds: tuple[World, World], wait_until: WaitUntil
) -> None:
    a, b = up(worlds, wait_until)
    namespace = a.namespaces["a"]
    ip(namespace, "address", "del", "10.0.0.1/24", "dev", "eth0")
    ip(namespace, "address", "add", "10.0.0.1/16", "dev", "eth0")
    wait_until(lambda: "10.0.0.1/16" in a.known_status("a").detected_addresses[0], 20)
    assert a.known_status("a").plan_is_current
    assert (seen_by(a, "a").state, seen_by(a, "a").flaps, seen_by(b, "b").flaps) == ("Established", 0, 0)


@pytest.mark.netns
def test_an_address_that_moves_takes_the_sessions_with_it(worlds: tuple[World, World], wait_until: WaitUntil) -> None:
    a, b = up(worlds, wait_until)
    namespace = a.namespaces["a"]
    ip(namespace, "address", "del", "10.0.0.1/24", "dev", "eth0")
    ip(namespace, "address", "add", "10.0.0.9/24", "dev", "eth0")
    wait_until(lambda: "10.0.0.9/24" in a.known_status("a").detected_addresses[0], 20)
    b.write("cluster.yaml", CLUSTER.replace("10.0.0.1/24", "10.0.0.9/24"))
    wait_until(lambda: a.established("a") and [each.peer_address for each in b.peers("b")] == ["10.0.0.9"], 60)
    assert seen_by(a, "a").local_address == "10.0.0.9"


@pytest.mark.netns
def test_an_address_that_is_said_after_all_needs_no_detection(
    worlds: tuple[World, World], wait_until: WaitUntil
) -> None:
    a, _ = up(worlds, wait_until)
    a.write("cluster.yaml", CLUSTER)
    wait_until(lambda: a.known_status("a").detected_addresses == ())
    assert (a.known_status("a").problems, a.known_status("a").plan_generation) == ((), 1)
    assert seen_by(a, "a").flaps == 0


# ------------------------------------------------------------------------------------------------ the command


def options_of(monkeypatch: pytest.MonkeyPatch, *arguments: str, **environment: str) -> AgentOptions:
    """What the agent would be started with."""
    started: list[AgentOptions] = []
    monkeypatch.setattr(agent_command, "run_agent", lambda options: started.append(options) or 0)
    done = CliRunner().invoke(app, ["agent", "--resources", "/nowhere", *arguments], env=dict(environment))
    assert done.exit_code == 0, done.output
    return started[0]


def test_the_node_s_name_is_taken_from_the_environment_or_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    options = options_of(monkeypatch, NODENAME="rack1-node2")
    assert (options.node, options.run_directory) == ("rack1-node2", Path("/run/bgpctl/rack1-node2"))
    monkeypatch.setattr("socket.gethostname", lambda: "Rack1-Node3")
    assert options_of(monkeypatch, NODENAME="").node == "rack1-node3"
    assert options_of(monkeypatch, "--node", "c", NODENAME="rack1-node2").node == "c"


def test_a_file_has_options_under_their_names_and_serves_other_commands(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "agent.yaml"
    file.write_text("node: of-file\nroute-table: 200\nno-fib: true\nmetrics-address: ''\n")
    options = options_of(monkeypatch, "--config", str(file), "--node", "a", NODENAME="")
    assert (options.node, options.program_fib, options.metrics_address) == ("a", False, None)
    assert options.compile_options.route_table == 200
    (tmp_path / "cluster.yaml").write_text(CLUSTER)
    arguments = ["compile", str(tmp_path / "cluster.yaml"), "--node", "a", "-o", "json", "--config", str(file)]
    compiled = CliRunner().invoke(app, arguments)
    assert json.loads(compiled.output)["kernel"]["table"] == 200


def test_methods_are_taken_from_options_and_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = {"IP": "", "IP_AUTODETECTION_METHOD": "cidr=10.0.0.0/8", "IP6": "none"}
    options = options_of(monkeypatch, "--ip6-autodetection", "interface=eth0", **environment)
    assert {family: str(method) for family, method in options.detection.methods.items()} == {
        4: "cidr=10.0.0.0/8",
        6: "interface=eth0",
    }
