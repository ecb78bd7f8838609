"""The agent beside somebody else who changes routes: what it says, what it undoes, and what that costs."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from agent_world import ADDRESSES, BGPCTL, BLOCK, WaitUntil, World, in_namespace, wired_world

pytestmark = pytest.mark.netns

# Seconds: how long a route is deleted in a loop, and until it has to be back each time.
ATTACK, REPAIR = 3.0, 1.0
# Of one core, of the whole agent.
CPU = 0.5


@pytest.fixture
def world(netns: str, tmp_path: Path, wait_until: WaitUntil) -> Iterator[World]:
    """Node `a` has the block of `b` in its kernel."""
    with wired_world(netns, tmp_path) as world:
        wait_until(lambda: routes(world) and world.known_status("a").fib_in_sync, 60)
        yield world


def ip(world: World, *words: str) -> str:
    return subprocess.run(
        ["ip", "-n", world.namespaces["a"], *words], check=True, capture_output=True, text=True
    ).stdout


def routes(world: World) -> str:
    return ip(world, "route", "show", BLOCK, "proto", "179")


def fib(world: World) -> tuple[int, str]:
    """Exit status and words of `bgpctl fib`."""
    command = [str(BGPCTL), "fib", "--run-dir", str(world.run_directory("a"))]
    done = subprocess.run([*in_namespace(world.namespaces["a"]), *command], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    ("metric", "name", "sentence", "status"),
    [
        ("100", "bgpctl_fib_routes_shadowed", "another program's route wins: static (protocol 4, metric 100)", 0),
        (
            "1024",
            "bgpctl_fib_routes_foreign",
            "another program's route has this prefix and metric: static (protocol 4, metric 1024)",
            1,
        ),
    ],
    ids=["shadows", "overrides"],
)
def test_a_foreign_route_in_the_way_is_in_log_metrics_and_bgpctl_fib(
    world: World, wait_until: WaitUntil, metric: str, name: str, sentence: str, status: int
) -> None:
    ip(world, "route", "replace", BLOCK, "via", ADDRESSES["b"], "metric", metric, "proto", "static")
    wait_until(lambda: world.metric("a", name) == 1)
    code, output = fib(world)
    assert (code, f"a: {BLOCK}: {sentence}" in output) == (status, True), output
    assert f'reason="{sentence}' in world.log("a")
    ip(world, "route", "del", BLOCK, "metric", metric, "proto", "static")
    wait_until(lambda: world.metric("a", name) == 0 and routes(world))
    wait_until(lambda: "no foreign route conflicts with ours any more" in world.log("a"))
    assert fib(world)[0] == 0


def test_a_route_that_is_deleted_in_a_loop_is_back_within_a_second_and_the_agent_stays_calm(
    world: World, record_property: Callable[[str, object], None]
) -> None:
    agent, repairs = world.agents[0].pid, world.known_status("a").fib_repairs
    loop = f"while :; do ip route del {BLOCK} proto 179; done"
    attacker = subprocess.Popen([*in_namespace(world.namespaces["a"]), "sh", "-c", loop], stderr=subprocess.DEVNULL)
    begun, spent, there, longest = time.monotonic(), processor_seconds(agent), time.monotonic(), 0.0
    while time.monotonic() < begun + ATTACK:
        if routes(world):
            there = time.monotonic()
        longest = max(longest, time.monotonic() - there)
    share = (processor_seconds(agent) - spent) / (time.monotonic() - begun)
    attacker.kill()
    attacker.wait()
    repaired = world.known_status("a").fib_repairs - repairs
    record_property("repairs_per_second", repaired / ATTACK)
    record_property("share_of_a_core", share)
    assert repaired > ATTACK / REPAIR
    assert longest < REPAIR
    assert share < CPU


def processor_seconds(pid: int) -> float:
    """User and system time of the process (proc(5), fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
