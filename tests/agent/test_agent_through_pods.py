"""What changes something, or asks for a whole node, is sent to nodes of a cluster: real agents, real `bgpctl connect`.

A script stands in for kubectl: it lists two pods, and what it executes in one it executes on this machine, at the run
directory of that pod's node. That kubectl does the same is tried in tests/kubernetes/test_kubelet.py.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from agent_world import ADDRESSES, BGPCTL, CLUSTER, WaitUntil, World
from commands import here

from reflector.drain import Stage

pytestmark = pytest.mark.netns

ALONE = CLUSTER.rpartition("---")[0]
KUBECTL = """#!/bin/sh
echo "$*" >>{path}/words
case "$*" in *" get pods "*) exec cat {path}/pods.json;; *" get "*) exit;; esac
until [ "$1" = bgpctl ]; do shift; done
shift
for each; do case $each in --node=*) node=${{each#--node=}};; esac; done
exec {bgpctl} "$@" --run-dir={path}/run/$node
"""


def pod(node: str) -> dict[str, object]:
    running = {"name": "agent", "state": {"running": {"startedAt": "2026-12-02T00:00:00Z"}}}
    return {
        "metadata": {"name": f"bgpctl-agent-{node}", "labels": {"app.kubernetes.io/component": "agent"}},
        "spec": {"nodeName": node},
        "status": {"phase": "Running", "containerStatuses": [running]},
    }


@pytest.fixture
def world(netns: str, tmp_path: Path, wait_until: WaitUntil) -> Iterator[World]:
    """a and b in session with each other."""
    for address in ADDRESSES.values():
        subprocess.run(["ip", "-n", netns, "address", "add", f"{address}/24", "dev", "lo"], check=True)
    (tmp_path / "pods.json").write_text(json.dumps({"items": [pod(node) for node in ADDRESSES]}))
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(KUBECTL.format(path=tmp_path, bgpctl=BGPCTL))
    kubectl.chmod(0o755)
    world = World(dict.fromkeys(ADDRESSES, netns), tmp_path, "--no-fib")
    world.write("cluster.yaml", CLUSTER)
    try:
        for node in ADDRESSES:
            world.start(node)
        wait_until(lambda: world.established("a") and world.established("b"), 60)
        yield world
    finally:
        world.end()


def asked(world: World, *words: str) -> subprocess.CompletedProcess[str]:
    return here(*words, "--context=production", KUBECTL=str(world.path / "kubectl"))


def executed(world: World) -> list[list[str]]:
    """What was executed in pods so far: the words behind `bgpctl connect`."""
    lines = (world.path / "words").read_text().splitlines()
    return [line.partition(" connect ")[2].split() for line in lines if " connect " in line]


def test_held_changes_of_a_cluster_are_confirmed_by_name_and_all_at_once(world: World, wait_until: WaitUntil) -> None:
    world.write("cluster.yaml", ALONE)
    wait_until(lambda: all((status := world.status(node)) and status.held for node in ADDRESSES), 30)
    digest = world.known_status("a").held_digest
    other = asked(world, "confirm", "a", "--digest=a00000000000")
    assert (other.returncode, other.stdout) == (1, f"a: what is held is {digest}, not a00000000000\n")
    assert executed(world) == [["agent", "--node=a"]], "nothing is changed by looking"
    done = asked(world, "confirm", "--node=a", f"--digest={digest}")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"a: confirms {digest}: no session to a reflector" in done.stdout
    assert executed(world)[-2:] == [["agent", "--node=a"], ["agent", "--node=a", "--change"]]
    wait_until(lambda: not world.known_status("a").held, 30)
    both = asked(world, "confirm", "--all")
    assert (both.returncode, both.stdout.splitlines()[-1]) == (0, "b: in place")
    assert "a: " not in both.stdout, "it holds nothing"
    assert asked(world, "confirm", "a", "b").returncode == 1


def test_one_that_does_not_answer_leaves_the_others_to_be_confirmed(world: World, wait_until: WaitUntil) -> None:
    world.write("cluster.yaml", ALONE)
    wait_until(lambda: all((status := world.status(node)) and status.held for node in ADDRESSES), 30)
    world.agents[0].kill()
    world.agents[0].wait(15)
    done = asked(world, "confirm", "--all")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (1, "b: in place")
    assert done.stderr.startswith("bgpctl: the agent of a does not answer: ")


def test_a_node_is_drained_and_put_back_in_use_from_afar(world: World, wait_until: WaitUntil) -> None:
    def drained() -> Stage | None:
        status = world.known_status("a").drain
        return None if status is None else status.stage

    done = asked(world, "drain", "--node=a", "--withdraw", "--wait=0", "--reason=new disk")
    assert (done.returncode, done.stderr, drained()) == (0, "", Stage.WITHDRAWN)
    assert "a: what draws traffic here is withdrawn; acknowledged by 1 peer" in done.stdout
    stop = asked(world, "drain", "--node=a", "--stop")
    assert (stop.returncode, stop.stdout) == (2, "")
    assert stop.stderr.startswith("bgpctl: --stop is for the machine itself")
    assert world.status("a"), "it runs"
    undone = asked(world, "drain", "--node=a", "--undo")
    assert (undone.returncode, undone.stdout, drained()) == (0, "a is in use\n", None)
    assert asked(world, "drain").stderr == "bgpctl: name the node of the cluster with --node\n"
    assert all(words[1] == "--node=a" for words in executed(world)), "b is not asked"


def test_a_journal_is_recorded_and_statuses_are_shown(world: World) -> None:
    assert asked(world, "journal", "status", "--node=b").returncode == 1
    started = asked(world, "journal", "start", "--node=b", "--limit=1")
    assert (started.returncode, started.stderr) == (0, "")
    assert (world.run_directory("b") / "journal").exists()
    assert not (world.run_directory("a") / "journal").exists()
    assert asked(world, "journal", "status", "--node=b").returncode == 0
    assert asked(world, "journal", "stop", "--node=b").returncode == 0
    assert [words[2:] for words in executed(world)] == [[], ["--change"], [], ["--change"]]
    found = asked(world, "node-status", "--all-nodes", "--class=BGP", "--output=json")
    resources = json.loads(found.stdout)
    assert [each["spec"]["node"] for each in resources] == ["a", "b"]
    assert all(each["status"]["bgp"]["numberEstablishedV4"] == 1 for each in resources)
    world.agents[0].kill()
    world.agents[0].wait(15)
    assert asked(world, "node-status", "--all-nodes").returncode == 1
