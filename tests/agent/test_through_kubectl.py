"""Nodes of a cluster that cannot be asked: each sentence says why, and what to do.

A script stands in for kubectl, since what is tried is how it fails. That it works is tried with a real kubelet
(tests/kubernetes/test_kubelet.py), and which pods are found with a real API server (test_agent_pods.py).
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import here

from bgpctl.cli.asked_node import AskedNode, ControlSocket
from bgpctl.cli.asking import AT_ONCE, at_once
from bgpctl.cli.through_kubectl.kubectl import Kubectl, Timeouts
from bgpctl.cli.through_kubectl.pod_node import find_in_cluster
from bgpctl.errors import NotReadyError
from reflector.control.client import ControlError
from reflector.messages import ShowAgent

FORBIDDEN = (
    'Error from server (Forbidden): pods "bgpctl-agent-1" is forbidden: User "eve" cannot create resource '
    '"pods/exec" in API group "" in the namespace "bgpctl-system"'
)
MAY_NOT = "eve may not create pods/exec in the namespace bgpctl-system; the role bgpctl-operator-diagnose has that verb"
NO_COMMAND = "Usage: bgpctl COMMAND [ARGS]...\n| No such command 'connect'. |\ncommand terminated with exit code 2"


def pod(node: str) -> dict[str, object]:
    labels = {"app.kubernetes.io/component": "agent"}
    running = {"name": "agent", "state": {"running": {"startedAt": "2026-12-02T00:00:00Z"}}}
    return {
        "metadata": {"name": f"bgpctl-agent-{node}", "labels": labels},
        "spec": {"nodeName": node},
        "status": {"phase": "Running", "containerStatuses": [running]},
    }


StandIn = Callable[..., dict[str, str]]


@pytest.fixture
def stand_in(tmp_path: Path) -> StandIn:
    """The environment with a kubectl that lists these pods, and executes `script` for a program in one."""

    def make(script: str, *nodes: str, listing: str = "") -> dict[str, str]:
        (tmp_path / "pods.json").write_text(listing or json.dumps({"items": [pod(node) for node in nodes]}))
        file = tmp_path / "kubectl"
        listed = f'case "$*" in *" get pods "*) exec cat {tmp_path}/pods.json;; *" get "*) exit;; esac'
        file.write_text(f"#!/bin/sh\n{listed}\n{script}\n")
        file.chmod(0o755)
        return {"KUBECTL": str(file)}

    return make


def failing(tmp_path: Path, text: str) -> str:
    (tmp_path / "errors").write_text(text)
    return f"cat {tmp_path}/errors >&2; exit 1"


def test_without_kubectl_the_sentence_says_so() -> None:
    done = here("status", "--all-nodes", KUBECTL="/nowhere/kubectl")
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no /nowhere/kubectl on the PATH; install it, or name it in the environment variable KUBECTL" in (
        done.stderr
    )


def test_whoever_may_not_exec_learns_which_verb_is_lacking(tmp_path: Path, stand_in: StandIn) -> None:
    environment = stand_in(failing(tmp_path, FORBIDDEN), "a", "b")
    done = here("status", "--all-nodes", **environment)
    assert done.returncode == 1
    assert f"a: error: the agent of a does not answer: {MAY_NOT}" in done.stdout
    assert f"b: error: the agent of b does not answer: {MAY_NOT}" in done.stdout


def test_whoever_may_not_list_pods_learns_it(tmp_path: Path, stand_in: StandIn) -> None:
    refused = FORBIDDEN.replace('create resource "pods/exec"', 'list resource "pods"')
    script = tmp_path / "refusing"
    script.write_text(f"#!/bin/sh\n{failing(tmp_path, refused)}\n")
    script.chmod(0o755)
    done = here("peers", "--all-nodes", KUBECTL=str(script))
    assert done.returncode == 2
    assert done.stderr.startswith("bgpctl: kubectl get: eve may not list pods in the namespace bgpctl-system; the role")


def test_an_agent_of_an_older_version_is_named_as_that(tmp_path: Path, stand_in: StandIn) -> None:
    done = here("fib", "--all-nodes", **stand_in(failing(tmp_path, NO_COMMAND), "a"))
    assert done.returncode == 2
    assert "the bgpctl of its pod has no command `connect`: it is of an older version" in done.stderr


def test_when_no_node_answers_each_has_its_line(tmp_path: Path, stand_in: StandIn) -> None:
    done = here("peers", "--all-nodes", **stand_in(failing(tmp_path, "error: no route to host"), "a", "b", "c"))
    assert done.returncode == 2
    assert [line.partition(" does not")[0] for line in done.stderr.splitlines()] == [
        f"bgpctl: the speaker of {node}" for node in "abc"
    ]


def test_a_kubectl_that_hangs_is_given_up(stand_in: StandIn) -> None:
    program = stand_in("exec sleep 1000", "a")["KUBECTL"]
    kubectl = Kubectl(program, None, "", "bgpctl-system", Timeouts(on_the_way=0.1, ending=0.1))
    (node,) = find_in_cluster(kubectl, ["a"])
    with (
        pytest.raises(ControlError, match="no answer from pod bgpctl-agent-a: timed out"),
        node.open(ControlSocket.AGENT, 0.1) as client,
    ):
        client.ask(ShowAgent())


def test_a_list_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    script = tmp_path / "hanging"
    script.write_text("#!/bin/sh\nexec sleep 1000\n")
    script.chmod(0o755)
    kubectl = Kubectl(str(script), None, "", "bgpctl-system", Timeouts(listing=0.2))
    with pytest.raises(NotReadyError, match=r"kubectl get has not ended within 0\.2 s"):
        find_in_cluster(kubectl, [])


def test_garbage_in_place_of_an_answer(stand_in: StandIn) -> None:
    done = here("status", "--all-nodes", **stand_in("echo Welcome!; exec cat", "a"))
    assert done.returncode == 1
    assert "no answer from pod bgpctl-agent-a: this is version 2 of the protocol and that is version 87" in done.stdout


def test_a_kubectl_that_ends_without_a_word(stand_in: StandIn) -> None:
    done = here("status", "--all-nodes", **stand_in("exit 3", "a"))
    assert done.returncode == 1
    assert "a: error: the agent of a does not answer: kubectl ended with status 3" in done.stdout


def test_garbage_in_place_of_pods(stand_in: StandIn) -> None:
    done = here("status", "--all-nodes", **stand_in("", listing="Welcome!"))
    assert done.returncode == 2
    assert done.stderr.startswith("bgpctl: what kubectl has printed is no list of pods: ")


def test_a_cluster_without_agents(stand_in: StandIn) -> None:
    done = here("status", "--all-nodes", "-n", "elsewhere", **stand_in(""))
    assert done.returncode == 2
    assert done.stderr == ("bgpctl: no pod of an agent is in the namespace elsewhere; --namespace names another one\n")


def test_kubectl_is_given_what_the_command_was_given(tmp_path: Path, stand_in: StandIn) -> None:
    environment = stand_in(f"echo $* >{tmp_path}/words; exit 1", "a")
    here("explain", "10.0.0.1", "--node", "a", "--kubeconfig", "/k", "--context", "c", "-n", "n", **environment)
    assert (tmp_path / "words").read_text().split() == [
        "--kubeconfig=/k", "--context=c", "--namespace=n", "exec", "--stdin", "--quiet", "bgpctl-agent-a",
        "--container=agent", "--", "bgpctl", "connect", "speaker", "--node=a",
    ]  # fmt: skip


WRONG = {
    "status --kubeconfig FILE": "name nodes of the cluster with --node, or give --all-nodes",
    "peers --node a --all-nodes": "name nodes of the cluster with --node, or give --all-nodes",
    "routes --context production": "name the node of the cluster with --node",
    "explain 10.0.0.1 --node a --context c --run-dir /run/x": "--run-dir is of this machine, and a cluster is given",
}


@pytest.mark.parametrize("words", WRONG)
def test_what_makes_no_sense_is_not_asked(words: str) -> None:
    done = here(*words.split())
    assert (done.returncode, done.stderr) == (2, f"bgpctl: {WRONG[words]}\n")


@pytest.mark.parametrize("command", ["status", "peers", "fib", "routes"])
def test_the_plugin_means_the_cluster(command: str, stand_in: StandIn) -> None:
    done = here(command, "--node", "a", program="/somewhere/kubectl-bgp", **stand_in(""))
    assert done.returncode == 2
    assert done.stderr.startswith("kubectl bgp: no pod of an agent of the node a is in the namespace bgpctl-system; ")


def test_nodes_are_asked_at_the_same_time_and_not_all() -> None:
    """Each of the first waits for the others; of the rest none begins before one of them has ended."""
    together = threading.Barrier(AT_ONCE, timeout=20)
    lock = threading.Lock()
    now, most = 0, 0

    def question(number: int) -> int:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        together.wait()
        with lock:
            now -= 1
        return number

    nodes: list[AskedNode] = list(range(2 * AT_ONCE))  # type: ignore[arg-type]
    assert at_once(nodes, question) == nodes  # type: ignore[arg-type]
    assert most == AT_ONCE
