"""`bgpctl node-status` and the files that answer CalicoNodeStatus, with real speakers and kernels."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from agent_world import BGPCTL, BLOCK, WaitUntil, World, in_namespace, wired_world

from bgpctl.resources import parse_documents

pytestmark = pytest.mark.netns

ASKS = """
apiVersion: projectcalico.org/v3
kind: CalicoNodeStatus
metadata: {name: a-status}
spec: {node: a, classes: [Agent, BGP, Routes], updatePeriodSeconds: 1}
"""
MOMENT = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@pytest.fixture
def world(netns: str, tmp_path: Path) -> Iterator[World]:
    with wired_world(netns, tmp_path, asks=ASKS) as world:
        yield world


def node_status(world: World, node: str, *arguments: str) -> dict[str, Any]:
    command = [*in_namespace(world.namespaces[node]), str(BGPCTL), "node-status", "--run-dir"]
    done = subprocess.run(
        [*command, str(world.run_directory(node)), *arguments], capture_output=True, text=True, check=True
    )
    answers = list(yaml.safe_load_all(done.stdout))
    (answer,) = answers[0] if "json" in arguments else answers
    assert isinstance(answer, dict)
    return answer


def in_file(world: World) -> dict[str, Any]:
    """The answer in the file; {} while there is none."""
    file = world.run_directory("a") / "status" / "a-status.yaml"
    return yaml.safe_load(file.read_text()) if file.exists() else {}


def ready(world: World) -> bool:
    status = world.status("a")
    return status is not None and status.fib_in_sync and status.fib_installed == 1


def test_the_node_s_status_as_a_resource(world: World, wait_until: WaitUntil) -> None:
    wait_until(lambda: ready(world) and world.established("b"), 60)
    answer = node_status(world, "a")
    assert parse_documents([("out", yaml.safe_dump(answer))]).problems == ()
    assert (answer["kind"], answer["spec"]["node"]) == ("CalicoNodeStatus", "a")
    status = answer["status"]
    daemon = status["agent"]["birdV4"]
    assert (daemon["state"], daemon["routerID"]) == ("Ready", "10.0.0.1")
    assert daemon["version"].startswith("bgpctl ")
    assert all(MOMENT.fullmatch(daemon[name]) for name in ("lastBootTime", "lastReconfigurationTime"))
    (peer,) = status["bgp"]["peersV4"]
    assert (peer["peerIP"], peer["type"], peer["state"]) == ("10.0.0.2", "NodeMesh", "Established")
    assert status["routes"]["routesV4"] == [
        {
            "type": "FIB",
            "destination": BLOCK,
            "gateway": "10.0.0.2",
            "interface": "wire",
            "learnedFrom": {"sourceType": "NodeMesh", "peerIP": "10.0.0.2"},
        }
    ]
    (own,) = node_status(world, "b", "--class", "Routes", "-o", "json")["status"]["routes"]["routesV4"]
    assert (own["destination"], own["interface"], own["learnedFrom"]) == (BLOCK, "blackhole", {"sourceType": "Static"})


def test_the_file_follows_what_happens_and_then_rests(world: World, wait_until: WaitUntil) -> None:
    wait_until(lambda: ready(world) and in_file(world).get("status", {}).get("routes"), 60)
    wait_until(lambda: in_file(world)["status"]["bgp"]["numberEstablishedV4"] == 1)
    file = world.run_directory("a") / "status" / "a-status.yaml"
    wait_until(lambda: in_file(world)["status"] | {"lastUpdated": ""} == shown(world), 20)
    written = file.stat().st_ino
    node_status(world, "a")
    assert file.stat().st_ino == written
    (world.resources / "blocks.yaml").unlink()
    wait_until(lambda: in_file(world)["status"]["routes"] == {}, 20)
    (world.resources / "asks.yaml").unlink()
    wait_until(lambda: not file.exists())


def shown(world: World) -> dict[str, Any]:
    status: dict[str, Any] = node_status(world, "a")["status"]
    return status | {"lastUpdated": ""}


def next_speaker(world: World, last: int, wait_until: WaitUntil) -> int:
    wait_until(lambda: world.known_status("a").speaker_pid not in (0, last), 60)
    return world.known_status("a").speaker_pid


def test_a_speaker_that_is_gone_is_not_ready_and_one_that_hangs_gives_no_report(
    world: World, wait_until: WaitUntil
) -> None:
    wait_until(lambda: ready(world) and in_file(world).get("status", {}).get("routes"), 60)
    speaker = world.known_status("a").speaker_pid
    os.kill(speaker, signal.SIGSTOP)
    before = in_file(world)
    wait_until(lambda: "no report for a CalicoNodeStatus" in world.log("a"), 30)
    assert in_file(world) == before
    for _ in range(4):  # so often that the agent waits before it starts another
        os.kill(speaker, signal.SIGKILL)
        speaker = next_speaker(world, speaker, wait_until)
    os.kill(speaker, signal.SIGKILL)
    wait_until(lambda: in_file(world)["status"]["agent"]["birdV4"] == {"state": "NotReady"}, 30)
    wait_until(lambda: in_file(world)["status"]["agent"]["birdV4"]["state"] == "Ready", 60)
