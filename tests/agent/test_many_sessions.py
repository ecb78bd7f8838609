"""A node with more sessions than the usual soft limit has files, to peers that do not answer."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from agent_world import METRICS_PORTS, WaitUntil, World, in_namespace

pytestmark = [pytest.mark.netns, pytest.mark.slow]

SOFT_LIMIT, SESSIONS = 1024, 1100
SCRAPERS = Path(__file__).with_name("scrapers.py")
PROBES = 40


@pytest.fixture
def world(world: World) -> World:
    """What is sent to the peers is lost, so that each of their sockets waits."""
    for words in (
        "link add silence arp off type veth peer name end",
        "link set silence up",
        "link set end up",
        "route add 10.1.0.0/16 dev silence",
    ):
        subprocess.run(["ip", "-n", world.namespaces["a"], *words.split()], check=True)
    return world


def many_peers(count: int) -> str:
    return "".join(
        "---\napiVersion: projectcalico.org/v3\nkind: BGPPeer\n"
        f"metadata: {{name: p{number}}}\n"
        f"spec: {{node: a, peerIP: 10.1.{number // 250}.{number % 250}, asNumber: 65001}}\n"
        for number in range(count)
    )


def start_with_limit(world: World, limit: str) -> subprocess.Popen[bytes]:
    with (world.path / "a.log").open("ab") as output:
        agent = subprocess.Popen(["prlimit", f"--nofile={limit}", *world.command("a")], stdout=output, stderr=output)
    world.agents.append(agent)
    return agent


def test_the_limit_of_files_is_raised_at_the_start(world: World, wait_until: WaitUntil) -> None:
    world.write("peers.yaml", many_peers(SESSIONS))
    agent = start_with_limit(world, f"{SOFT_LIMIT}:4096")
    wait_until(lambda: world.runs("a") and len(world.peers("a")) == SESSIONS + 1, 90)
    speaker = Path(f"/proc/{world.known_status('a').speaker_pid}")
    wait_until(lambda: len(list((speaker / "fd").iterdir())) > SOFT_LIMIT, 90)
    limits = (speaker / "limits").read_text()
    assert re.search(r"^Max open files +4096 +4096 ", limits, re.MULTILINE), limits
    assert (agent.poll(), world.known_status("a").speaker_restarts) == (None, 0)


def test_a_plan_that_needs_more_files_than_there_may_be_is_refused_in_one_sentence(
    world: World, wait_until: WaitUntil
) -> None:
    agent = start_with_limit(world, "256:256")
    wait_until(lambda: world.runs("a"), 60)
    world.write("peers.yaml", many_peers(300))
    wait_until(lambda: any("LimitNOFILE" in each.message for each in world.known_status("a").problems), 60)
    (problem,) = [each for each in world.known_status("a").problems if "LimitNOFILE" in each.message]
    assert "the plan has 301 sessions and this process may have 256 files open: allow it 429 or more" in problem.message
    status = world.known_status("a")
    assert (agent.poll(), status.speaker_restarts, len(world.peers("a"))) == (None, 0, 1)
    (world.resources / "peers.yaml").unlink()
    wait_until(lambda: world.known_status("a").plan_is_current)


@pytest.mark.parametrize("scrapers", [4, 140])
def test_probes_are_answered_while_scrapers_do_not_read_a_large_page(
    world: World, wait_until: WaitUntil, scrapers: int
) -> None:
    """4 leave nothing to a server that serves one page after the other, 140 are more than there is room for."""
    world.write("peers.yaml", many_peers(SESSIONS))
    agent = world.start("a")
    wait_until(lambda: world.runs("a") and len(world.peers("a")) == SESSIONS + 1, 90)
    in_a = [*in_namespace(world.namespaces["a"]), sys.executable, str(SCRAPERS)]
    port = str(METRICS_PORTS["a"])
    deaf = subprocess.Popen([*in_a, "deaf", port, str(scrapers)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with deaf:
        assert deaf.stdout
        assert deaf.stdout.readline() == b"asked\n"
        probes = subprocess.run([*in_a, "probe", port, str(PROBES)], capture_output=True, text=True, check=True)
        deaf.communicate(b"")
    assert probes.stdout == f"{PROBES} of {PROBES} alive\n"
    status = world.known_status("a")
    assert (agent.poll(), status.speaker_restarts, status.internal_errors) == (None, 0, 0)
