"""What an agent in a cluster carries: nothing that only commands, resources or a controller need.

It is a real one in what is its pod, which goes on with the NodePlan that it kept: the API server is away. Its peer is
the agent of another node. All that it imports while a session comes up and goes is in its log (-X importtime).
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from agent_world import BGPCTL, CLUSTER, World, in_namespace, until
from certificates import Authority

from bgpctl.agent.sources.kept_plan import KeptPlanFile
from bgpctl.compiler import ClusterIndex, CompileOptions
from bgpctl.controller.assigning import assign
from bgpctl.node_plan import spec_of
from bgpctl.resources import parse_documents
from labs.bench.kubernetes_scale.pods import in_pod

pytestmark = [pytest.mark.netns, pytest.mark.slow]

# What each is for, and what it costs an agent (MiB): this test keeps it out, so say here why before it comes back.
NOT_IMPORTED = {
    "pydantic": "checks resources, 9 with its native part",
    "bgpctl.resources.kinds": "the resources",
    "bgpctl.guardrails": "looks at a whole cluster, 3 with the engine",
    "bgpctl.compiler.node": "makes plans of resources",
    "networkx": "the topology proof",
    "typer": "command lines that are not plain, 2",
    "rich.console": "help texts",
    "yaml": "resources and kubeconfigs, 1",
    "lightkube": "kubeconfigs, 3",
    "pyroute2": "200 modules, 9",
}
# MiB in no file; 30 on the machine where it was measured.
MOST = 38


@pytest.fixture
def agent(two_nodes: World, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Of the node a."""
    two_nodes.write("cluster.yaml", CLUSTER)
    resources = parse_documents([("cluster.yaml", CLUSTER)]).resources
    assignment = assign(ClusterIndex(resources), "a", CompileOptions(keys_by_reference=True)).assignment
    KeptPlanFile(tmp_path / "state", "a").keep(spec_of(assignment), assignment.plan)
    account = tmp_path / "account"
    account.mkdir()
    (account / "token").write_text("a token")
    (account / "ca.crt").symlink_to(Authority(tmp_path / "authority").certificate)
    command = [sys.executable, "-X", "importtime", BGPCTL, "agent", "--in-cluster", "--node", "a", "--no-fib"]
    command += ["--run-dir", two_nodes.run_directory("a"), "--state-dir", tmp_path / "state"]
    # Port 1, where nobody listens.
    words = in_namespace(two_nodes.namespaces["a"]) + in_pod(account, 1, command)
    with (tmp_path / "a.log").open("wb") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log)
    yield process
    process.terminate()
    process.wait(15)


def imported(world: World) -> set[str]:
    return set(re.findall(r"^import time: [\d |]+ (\S+)$", world.log("a"), re.MULTILINE))


def in_no_file(pid: int) -> float:
    found = re.search(r"^Anonymous:\s+(\d+) kB$", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) / 1024


def test_it_carries_nothing_that_only_others_need(two_nodes: World, agent: subprocess.Popen[bytes]) -> None:
    other = two_nodes.start("b")
    until(lambda: two_nodes.established("a"), 60)
    # It goes on with the routes of a peer that is away, and looks who that is.
    other.send_signal(signal.SIGTERM)
    until(lambda: not two_nodes.established("a"), 60)
    assert "bgpctl.agent.retention.retention" in imported(two_nodes)
    names = imported(two_nodes)
    unwanted = {each for each in names for name in NOT_IMPORTED if each == name or each.startswith(f"{name}.")}
    assert unwanted == set()
    assert in_no_file(agent.pid) < MOST
