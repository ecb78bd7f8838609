"""The agent as a process with the real speaker, in a network namespace: start, change, failure, end.

Two nodes of a mesh, `a` and `b`, share the namespace and listen on addresses of their own. The kernel is left alone
(--no-fib); what is programmed into it is the subject of `test_agent_kernel.py`.
"""

import os
import re
import resource
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from agent_world import ADDRESSES, BGPCTL, CLUSTER, METRICS_PORTS, POOL, WaitUntil, World, in_namespace

from bgpctl.datastore.watch import LIMIT
from reflector.control.client import ControlClient, RefusedError
from reflector.messages import ShowAgent
from reflector.plan import decode_plan

pytestmark = pytest.mark.netns

STAND_IN = Path(__file__).with_name("stand_in_speaker.py")
ONE_MORE_PEER = """
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: tor}
spec: {node: a, peerIP: 10.0.0.9, asNumber: 65001}
"""
BROKEN = """
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: tor}
spec:
  peerIP: nowhere
  asNumber: 65001
"""
BLOCK_OF_A = """
apiVersion: crd.projectcalico.org/v1
kind: BlockAffinity
metadata: {{name: {name}}}
spec: {{cidr: {block}, node: a, state: confirmed, deleted: "false"}}
"""
CHANGES = 1000
# Injected bugs: asked for its status it fails; a stage of it ends.
AGENT_WITHOUT_A_STATUS = """
import bgpctl.agent.report.status as status
from bgpctl.cli import main
status.version = lambda: str(1 // 0)
main()
"""
# A callback that fails and fails.
AGENT_WITH_A_BUG = """
import asyncio
import bgpctl.agent.report.reporting as reporting
from bgpctl.cli import main
def fail():
    asyncio.get_running_loop().call_soon(fail)
    1 // 0
async def run(self):
    fail()
reporting.Reporting.run = run
main()
"""
# In each stage a method that fails when it is called for the first time.
AGENT_WITH_A_BUG_IN = """
import inspect
from bgpctl.cli import main
from {module} import {owner}
really, calls = {owner}.{method}, []
def fails_once(self, *arguments, **options):
    calls.append(1)
    if len(calls) == {call}:
        1 // 0
    return really(self, *arguments, **options)
{owner}.{method} = fails_once
main()
"""
STAGES = {
    "complete": ("bgpctl.agent.autodetection.detector", "Detector", "apply"),
    "last good": ("bgpctl.agent.complete.last_good", "LastGood", "take"),
    "workloads": ("bgpctl.agent.complete.endpoint_status", "EndpointStatus", "_until_different"),
    "deploy": ("bgpctl.agent.deploy.deployment", "Deployment", "deploy"),
    "room": ("bgpctl.agent.deploy.deployment", "Deployment", "takes_new_speaker"),
    "brake": ("bgpctl.agent.brake.braking", "Braking", "settle"),
    "retention": ("bgpctl.agent.retention.retention", "Retention", "_look"),
    "speaker": ("bgpctl.agent.speaker.launcher", "Launcher", "becomes_ready"),
    "report": ("bgpctl.agent.report.reporting", "Reporting", "run"),
}
# It cannot compile resources that have a Service: another injected bug.
AGENT_THAT_CANNOT_COMPILE = """
import bgpctl.agent.plan.proposal as proposal
from bgpctl.cli import main
really = proposal.compile_node
proposal.compile_node = lambda resources, *others: 1 // (not resources.services) and really(resources, *others)
main()
"""
SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: LoadBalancer, clusterIP: 10.96.0.10, loadBalancerIP: lb.example.com}
"""
AGENT_OF_A_SPEAKER_THAT_CRASHES = f"""
import sys
import bgpctl.agent.agent as agent
from bgpctl.cli import main
agent.speaker_command = lambda account: (sys.executable, {str(STAND_IN)!r}, "crash")
main()
"""
TAKE_PORT = """
import socket, sys, time
taken = socket.create_server((sys.argv[1], int(sys.argv[2])))
print("taken", flush=True)
time.sleep(60)
"""


def is_alive(pid: int) -> bool:
    """A zombie is not: whoever adopts orphans here may be slow to reap them."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


# --------------------------------------------------------------------------------------------------- start


def test_two_nodes_come_up_and_are_ready(world: World, wait_until: WaitUntil) -> None:
    world.start("a")
    world.start("b")
    wait_until(lambda: world.established("a") and world.established("b"), 60)
    assert world.page("a", "readyz") == "OK\n"
    assert world.metric("a", "bgpctl_sessions", state="established") == 1


def test_everything_in_the_run_directory_is_for_root_and_what_the_speaker_needs_for_its_user(
    world: World, wait_until: WaitUntil
) -> None:
    world.start("a")
    wait_until(lambda: world.runs("a"), 60)
    directory = world.run_directory("a")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in [directory, *directory.iterdir()]}
    assert [modes.pop(name) for name in ("a", "plan.json", "exabgp.conf", "speaker.sock")] == [
        0o1770, 0o640, 0o640, 0o660,
    ]  # fmt: skip
    assert set(modes.values()) == {0o600}
    assert {"agent.sock", "speaker.log", "agent.pid"} <= modes.keys()


def test_without_usable_resources_an_agent_waits_for_them(world: World, wait_until: WaitUntil) -> None:
    world.write("peer.yaml", BROKEN)
    world.start("a")
    wait_until(lambda: (status := world.status("a")) and status.problems, 60)
    assert (world.page("a", "livez"), world.page("a", "readyz")) == ("OK\n", "")
    world.write("peer.yaml", ONE_MORE_PEER)
    wait_until(lambda: world.runs("a"), 60)


def test_without_usable_resources_the_plan_of_an_earlier_agent_is_used(world: World, wait_until: WaitUntil) -> None:
    earlier = world.start("a")
    wait_until(lambda: world.runs("a"), 60)
    earlier.terminate()
    earlier.wait(15)
    world.write("peer.yaml", BROKEN)
    world.start("a")
    wait_until(lambda: world.runs("a"), 60)
    status = world.known_status("a")
    assert (status.plan_generation, status.plan_is_current) == (1, False)


def test_an_unknown_node_is_a_problem_and_not_the_end(world: World, wait_until: WaitUntil) -> None:
    world.write("cluster.yaml", CLUSTER.replace("name: a", "name: c"))
    world.start("a")
    wait_until(lambda: (status := world.status("a")) and status.problems, 60)
    assert "'a'" in world.known_status("a").problems[0].message


def test_a_plan_that_listens_elsewhere_gets_a_new_speaker(world: World, wait_until: WaitUntil) -> None:
    world.start("a")
    world.start("b")
    wait_until(lambda: world.established("a"), 60)
    pid = world.known_status("a").speaker_pid
    world.write("cluster.yaml", CLUSTER.replace("bindMode: NodeIP", "bindMode: NodeIP, listenPort: 1179"))
    wait_until(lambda: world.known_status("a").speaker_pid not in (0, pid) and world.established("a"), 60)
    assert (world.known_status("a").speaker_restarts, world.known_status("a").plan_generation) == (0, 2)


# ------------------------------------------------------------------------------------------ world not ready


def refused_start(world: World, node: str) -> str:
    """The sentence of an agent that must end with status 2."""
    ended = subprocess.run(world.command(node), capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 2, ended.stderr
    sentence = ended.stderr.splitlines()[-1]
    assert sentence.startswith("bgpctl: ")
    return sentence


@pytest.mark.parametrize(("address", "port"), [("10.0.0.1", 179), ("127.0.0.1", METRICS_PORTS["a"])])
def test_a_taken_port_ends_the_start_and_nothing_is_left(world: World, address: str, port: int) -> None:
    taker = subprocess.Popen(
        [*in_namespace(world.namespaces["a"]), sys.executable, "-c", TAKE_PORT, address, str(port)],
        stdout=subprocess.PIPE,
    )
    assert taker.stdout
    assert taker.stdout.readline() == b"taken\n"
    try:
        assert str(port) in refused_start(world, "a")
        assert not (world.path / "run").exists()
        assert subprocess.run(
            ["ip", "netns", "pids", world.namespaces["a"]], capture_output=True, text=True, check=True
        ).stdout == (f"{taker.pid}\n")
    finally:
        taker.kill()
        taker.communicate()


def test_a_second_agent_in_the_same_run_directory_is_refused(world: World, wait_until: WaitUntil) -> None:
    first = world.start("a")
    wait_until(lambda: world.runs("a"), 60)
    assert f"process {first.pid}" in refused_start(world, "a")
    assert world.runs("a")


# ---------------------------------------------------------------------------------------------- changes


def test_a_change_is_followed_within_a_second_and_resets_no_other_session(world: World, wait_until: WaitUntil) -> None:
    world.start("a")
    world.start("b")
    wait_until(lambda: world.established("a") and world.established("b"), 60)
    world.write("peer.yaml", ONE_MORE_PEER)
    changed = time.monotonic()
    wait_until(lambda: len(world.peers("a")) == 2, 30)
    assert time.monotonic() - changed < 1.0
    (to_b,) = [peer for peer in world.peers("a") if peer.peer_address == ADDRESSES["b"]]
    assert (to_b.state, to_b.flaps) == ("Established", 0)


def test_a_thousand_changes_in_a_second_are_a_handful_of_plans(
    world: World, wait_until: WaitUntil, record_property: Callable[[str, object], None]
) -> None:
    """Each changes the plan, so that each compilation makes a new one. A file comes whole, under its name at once."""
    world.write("pool.yaml", POOL)
    world.start("a")
    wait_until(lambda: world.runs("a"), 60)
    before, begun = world.known_status("a").plan_generation, time.monotonic()
    for number in range(CHANGES):
        block = f"10.64.{number >> 2}.{64 * (number & 3)}/26"
        world.write(f".{number}", BLOCK_OF_A.format(name=f"block-{number}", block=block))
        (world.resources / f".{number}").rename(world.resources / f"block-{number}.yaml")
        time.sleep(max(0.0, begun + number / CHANGES - time.monotonic()))
    seconds = time.monotonic() - begun
    plan = world.run_directory("a") / "plan.json"
    wait_until(lambda: len(decode_plan(plan.read_bytes()).originations) == CHANGES, 30)
    compilations = world.known_status("a").plan_generation - before
    record_property("compilations", compilations)
    assert compilations <= 3 + seconds / LIMIT


def test_resources_that_give_the_same_plan_change_nothing(world: World, wait_until: WaitUntil) -> None:
    world.start("a")
    wait_until(lambda: world.runs("a"), 60)
    plan = (world.run_directory("a") / "plan.json").stat().st_ino
    world.write("cluster.yaml", f"# the same, with a comment\n{CLUSTER}")
    world.write("peer.yaml", ONE_MORE_PEER.replace("node: a", "node: b"))
    world.write("broken.yaml", BROKEN)
    wait_until(lambda: not world.known_status("a").plan_is_current)
    (world.resources / "broken.yaml").unlink()
    wait_until(lambda: world.known_status("a").plan_is_current)
    assert world.known_status("a").plan_generation == 1
    assert (world.run_directory("a") / "plan.json").stat().st_ino == plan


def test_a_broken_resource_keeps_the_last_good_plan_and_says_where_it_is_wrong(
    world: World, wait_until: WaitUntil
) -> None:
    world.start("a")
    world.start("b")
    wait_until(lambda: world.established("a"), 60)
    world.write("peer.yaml", BROKEN)
    wait_until(lambda: world.metric("a", "bgpctl_plan_current") == 0)
    assert world.metric("a", "bgpctl_problems", severity="error") >= 1
    assert re.search(r"resources have problems.*field=\$\.spec\.peerIP.*peer\.yaml.*line=6", world.log("a"))
    assert re.search(r"a resource is invalid.*peer\.yaml.*line=2", world.log("a"))
    assert world.established("a")
    (world.resources / "peer.yaml").unlink()
    wait_until(lambda: world.metric("a", "bgpctl_plan_current") == 1)


# ------------------------------------------------------------------------------------- failure and recovery


def test_a_killed_speaker_is_started_again_and_its_sessions_come_back(world: World, wait_until: WaitUntil) -> None:
    agent = world.start("a")
    world.start("b")
    wait_until(lambda: world.established("a"), 60)
    killed = world.known_status("a").speaker_pid
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: world.established("a") and world.known_status("a").speaker_pid not in (0, killed), 60)
    assert agent.poll() is None
    assert world.metric("a", "bgpctl_speaker_restarts_total") == 1


def test_a_killed_agent_leaves_its_speaker_to_the_next_one_without_a_session_reset(
    world: World, wait_until: WaitUntil
) -> None:
    killed = world.start("a")
    world.start("b")
    wait_until(lambda: world.established("a") and world.established("b") and world.runs("a"), 60)
    speaker = world.known_status("a").speaker_pid
    killed.kill()
    killed.wait()
    assert world.established("a")
    world.start("a")
    wait_until(lambda: world.runs("a"), 60)
    assert world.known_status("a").speaker_pid == speaker
    (seen_by_b,) = world.peers("b")
    assert (seen_by_b.state, seen_by_b.flaps) == ("Established", 0)


def test_an_adopted_speaker_is_told_what_changed_meanwhile(world: World, wait_until: WaitUntil) -> None:
    killed = world.start("a")
    wait_until(lambda: world.runs("a"), 60)
    killed.kill()
    killed.wait()
    world.write("peer.yaml", ONE_MORE_PEER)
    world.start("a")
    wait_until(lambda: len(world.peers("a")) == 2, 60)


def test_a_bug_ends_the_agent_loudly_and_leaves_its_speaker(world: World, wait_until: WaitUntil) -> None:
    agent = world.start("a", program=AGENT_WITH_A_BUG)
    wait_until(lambda: (world.run_directory("a") / "speaker.pid").exists(), 60)
    speaker = int((world.run_directory("a") / "speaker.pid").read_text())
    assert agent.wait(60) == 1
    assert "a callback fails without end" in world.log("a")
    assert "ZeroDivisionError" in world.log("a")
    assert is_alive(speaker)


@pytest.mark.parametrize("stage", STAGES)
def test_an_exception_in_a_stage_is_counted_and_the_stage_begins_anew(
    world: World, wait_until: WaitUntil, stage: str
) -> None:
    module, owner, method = STAGES[stage]
    program = AGENT_WITH_A_BUG_IN.format(module=module, owner=owner, method=method, call=1)
    agent = world.start("a", program=program)
    wait_until(lambda: world.runs("a") and world.known_status("a").internal_errors == 1, 60)
    assert "Traceback" in world.log("a")
    world.write("peer.yaml", ONE_MORE_PEER)
    wait_until(lambda: len(world.peers("a")) == 2 and world.known_status("a").plan_is_current, 60)
    assert (agent.poll(), world.known_status("a").internal_errors) == (None, 1)


def test_resources_that_could_not_be_read_for_want_of_descriptors_are_read_when_there_are_some(
    world: World, wait_until: WaitUntil
) -> None:
    agent = world.start("a")
    wait_until(lambda: world.runs("a"), 60)
    before = resource.prlimit(agent.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(agent.pid, resource.RLIMIT_NOFILE, (3, before[1]))
    world.write("peer.yaml", ONE_MORE_PEER)
    wait_until(lambda: "Too many open files" in world.log("a"))
    resource.prlimit(agent.pid, resource.RLIMIT_NOFILE, before)
    wait_until(lambda: len(world.peers("a")) == 2 and world.known_status("a").plan_is_current)
    assert agent.poll() is None


def test_an_exception_in_planning_is_counted_and_the_last_good_plan_stays(world: World, wait_until: WaitUntil) -> None:
    agent = world.start("a", program=AGENT_THAT_CANNOT_COMPILE)
    wait_until(lambda: world.runs("a"), 60)
    world.write("service.yaml", SERVICE)
    wait_until(lambda: world.known_status("a").internal_errors == 1, 60)
    status = world.known_status("a")
    assert not status.plan_is_current
    assert "ZeroDivisionError" in status.problems[0].message
    assert world.metric("a", "bgpctl_agent_internal_errors_total") == 1
    assert "Traceback" in world.log("a")
    (world.resources / "service.yaml").unlink()
    world.write("peer.yaml", ONE_MORE_PEER)
    wait_until(lambda: len(world.peers("a")) == 2, 60)
    assert world.known_status("a").plan_is_current
    assert agent.poll() is None


def test_a_service_with_a_host_name_as_its_address_ends_no_agent(world: World, wait_until: WaitUntil) -> None:
    world.write("service.yaml", SERVICE)
    world.start("a")
    wait_until(lambda: world.runs("a"), 60)
    status = world.known_status("a")
    assert [(each.severity, each.path) for each in status.problems] == [("warning", "$.spec.loadBalancerIP")]
    assert (status.plan_is_current, status.internal_errors) == (True, 0)


def test_a_status_that_cannot_be_answered_is_refused_and_ends_nothing(world: World, wait_until: WaitUntil) -> None:
    agent = world.start("a", program=AGENT_WITHOUT_A_STATUS)
    wait_until(lambda: "speaker ready" in world.log("a"), 60)
    with ControlClient(world.run_directory("a") / "agent.sock") as client:
        for _ in range(2):
            with pytest.raises(RefusedError, match="ZeroDivisionError"):
                client.ask(ShowAgent())
    assert world.refusal("a", "readyz").startswith("500 this page failed with ZeroDivisionError")
    assert world.refusal("a", "metrics").startswith("500 ")
    assert world.page("a", "livez") == "OK\n"
    assert "Traceback" in world.log("a")
    assert agent.poll() is None


def test_an_agent_without_descriptors_accepts_again_when_there_are_some(world: World, wait_until: WaitUntil) -> None:
    agent = world.start("a")
    wait_until(lambda: world.runs("a"), 60)
    before = resource.prlimit(agent.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(agent.pid, resource.RLIMIT_NOFILE, (3, before[1]))
    with socket.socket(socket.AF_UNIX) as waiting:
        waiting.connect(str(world.run_directory("a") / "agent.sock"))
        wait_until(lambda: "no connection can be accepted" in world.log("a"), 20)
    resource.prlimit(agent.pid, resource.RLIMIT_NOFILE, before)
    wait_until(lambda: world.status("a") is not None and world.page("a", "livez") == "OK\n", 20)
    assert agent.poll() is None


def test_a_crash_loop_is_in_status_metrics_readiness_and_log(world: World, wait_until: WaitUntil) -> None:
    agent = world.start("a", program=AGENT_OF_A_SPEAKER_THAT_CRASHES)
    wait_until(lambda: (status := world.status("a")) and status.speaker_crash_loop, 60)
    status = world.known_status("a")
    assert status.speaker_last_line == "RuntimeError: a bug of the speaker"
    assert status.speaker_failures >= 3
    assert world.metric("a", "bgpctl_speaker_crash_loop") == 1
    assert world.metric("a", "bgpctl_speaker_up") == 0
    assert world.refusal("a", "readyz") == "503 the speaker is in a crash loop: bgpctl status has its last line\n"
    assert re.search(r"speaker is in a crash loop.* last_line='RuntimeError: a bug of the speaker'", world.log("a"))
    shown = subprocess.run(
        [BGPCTL, "status", "--run-dir", world.run_directory("a")], capture_output=True, text=True, check=False
    )
    ended = r"^a: error: the speaker ended \d+ times in a row.* last line: RuntimeError: a bug of"
    assert re.search(ended, shown.stdout, re.MULTILINE)
    assert ", crash loop, " in shown.stdout
    assert shown.returncode == 1
    assert agent.poll() is None


# --------------------------------------------------------------------------------------------------- end


def test_sigterm_stops_agent_and_speaker_and_leaves_the_plan(world: World, wait_until: WaitUntil) -> None:
    agent = world.start("a")
    wait_until(lambda: world.runs("a"), 60)
    speaker = world.known_status("a").speaker_pid
    agent.terminate()
    assert agent.wait(15) == 0
    assert not is_alive(speaker)
    left = {path.name for path in world.run_directory("a").iterdir()}
    assert left == {"plan.json", "exabgp.conf", "speaker.log", "best-state.json", "last-good.json"}
