"""What agents report of their machines, in a real API server: compiled with it, and other reports are no work."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import controllers
import pytest
from segment import eventually

from labs.bench.kubernetes import calico_crds
from labs.bench.kubernetes.api_server import ApiServer
from labs.bench.kubernetes.controller_process import ControllerProcess

pytestmark = [pytest.mark.netns, pytest.mark.slow, pytest.mark.timeout(300)]

BARE = {"apiVersion": "projectcalico.org/v3", "kind": "Node", "metadata": {"name": "bare"}, "spec": {}}
ADDRESS = "10.1.0.99"


@pytest.fixture
def bare(cluster: ApiServer, one: ControllerProcess) -> Iterator[None]:
    """A node of the quickstart without an address, which has a NodePlan."""
    calico_crds.apply(cluster, BARE)
    eventually(lambda: peers(cluster, "bare") == [], "it has a plan without sessions", within=20)
    yield
    controllers.delete(cluster, [BARE])


def peers(server: ApiServer, name: str) -> list[str] | None:
    plan = controllers.plans(server).get(name)
    return None if plan is None else [each.peer_node for each in plan.sessions]


def report(server: ApiServer, name: str, **status: object) -> None:
    """As the agent of the node does."""
    file = server.directory / "report.json"
    file.write_text(json.dumps({"status": {"version": "1.0", **status}}))
    calico_crds.run(server, "patch", "nodeplan", name, "--subresource=status", "--type=merge", f"--patch-file={file}")


def test_an_address_that_an_agent_finds_makes_sessions_at_both_ends(
    cluster: ApiServer, bare: None, one: ControllerProcess, controller: Callable[..., ControllerProcess]
) -> None:
    report(cluster, "bare", found={"ipv4": f"{ADDRESS}/24"})
    eventually(lambda: peers(cluster, "bare") == ["rr1", "rr2"], "its sessions", within=20)
    eventually(lambda: "bare" in (peers(cluster, "rr1") or ()), "those of the reflectors", within=20)

    before = controllers.specs(cluster)
    assert one.end() == 0
    two = controller("two")
    eventually(lambda: "this controller writes" in two.log.read_text(), "the next one writes", within=30)
    calico_crds.run(cluster, "delete", "nodeplan", "a3")
    eventually(lambda: controllers.specs(cluster).keys() == before.keys(), "it has written", within=20)
    assert controllers.specs(cluster) == before, "the next controller has read the report"


def test_other_reports_are_no_work(cluster: ApiServer, bare: None, one: ControllerProcess) -> None:
    report(cluster, "bare", found={"ipv4": f"{ADDRESS}/24"})
    eventually(lambda: "bare" in (peers(cluster, "rr1") or ()), "what is found is compiled with", within=20)
    specs, log = controllers.specs(cluster), one.log.read_text()
    for count in range(5):
        report(cluster, "bare", sessions={"up": count, "expected": 2, "summary": f"{count}/2"}, running="0" * 12)
    report(cluster, "a1", found={"ipv4": "10.1.0.11/24"})
    report(cluster, "bare", found={"ipv4": "10.1.0.98/24"})
    eventually(lambda: one.log.read_text() != log, "the last one is another address", within=20)
    new = one.log.read_text()[len(log) :].splitlines()
    assert sum("plans differ" in line for line in new) == 1, new
    eventually(lambda: controllers.specs(cluster)["rr1"] != specs["rr1"], "which is written", within=20)
    untouched = ("a1", "a2", "a3", "b1", "b2", "b3")
    assert [name for name in untouched if controllers.specs(cluster)[name] != specs[name]] == []


def test_a_report_that_is_not_right_is_in_the_log_and_changes_nothing(
    cluster: ApiServer, bare: None, one: ControllerProcess
) -> None:
    report(cluster, "bare", found={"ipv4": f"{ADDRESS}/24"})
    eventually(lambda: "bare" in (peers(cluster, "rr1") or ()), "what is found is compiled with", within=20)
    specs = controllers.specs(cluster)
    workload = {"bgpPeer": "routers", "interface": "cali1", "addresses": ["10.9.0.1"]}
    many = {"ipv4": f"{ADDRESS}/24", "workloads": [workload] * 10_000}
    for found, reason in (({"ipv4": "10.1.0.11/24"}, "the address of the node a1"), (many, "it has 10,000 workloads")):
        report(cluster, "bare", found=found)
        eventually(lambda sentence=reason: sentence in one.log.read_text(), f"the log has: {reason}", within=20)
    assert controllers.specs(cluster) == specs
