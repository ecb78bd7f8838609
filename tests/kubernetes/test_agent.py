"""Agents that have their NodePlan from a real API server, and nothing else of the cluster: labs, with their tokens."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

import controllers
import pytest
from cluster_lab import AGENT, ClusterLab
from segment import eventually

from bgpctl.agent.host.run_directory import our_files
from bgpctl.lab.traffic.probe import Flow, Probe
from labs.bench.kubernetes import calico_crds, controller_process
from labs.bench.kubernetes.api_server import ApiServer
from reflector.plan import ROUTE_PROTOCOL

pytestmark = [pytest.mark.netns, pytest.mark.slow, pytest.mark.timeout(300)]

NAME = "quickstart"


@contextmanager
def no_packet_lost(lab: ClusterLab, source: str, target: str) -> Iterator[None]:
    """From a pod to the address of another one."""
    with Probe.start([Flow(source, lab.namespace(source), target)]) as probe:
        yield
        report = probe.stop()
    assert report.sent > 0
    assert report.lost == 0, report


def kernel_routes(lab: ClusterLab, node: str, *, protocol: int = ROUTE_PROTOCOL) -> set[str]:
    """The prefixes of our routes."""
    words = ["ip", "-n", lab.namespace(node), "-j", "-N", "route", "show", "proto", str(protocol)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return {each["dst"] for each in json.loads(done.stdout)}


def condition(lab: ClusterLab, node: str, kind: str) -> dict[str, str]:
    found = {each["type"]: each for each in lab.node_plan(node).get("status", {}).get("conditions", ())}
    return {"status": "", "message": "", **found.get(kind, {})}


def kinds_held(lab: ClusterLab, node: str) -> list[str]:
    return [each.kind for each in lab.status(node).held]


def block(name: str, cidr: str, node: str) -> dict[str, Any]:
    return {
        "apiVersion": "projectcalico.org/v3",
        "kind": "BlockAffinity",
        "metadata": {"name": name},
        "spec": {"node": node, "cidr": cidr, "state": "confirmed"},
    }


# ------------------------------------------------------------------------------------------------ from the cluster


def test_a_lab_is_as_its_resources_ask(quickstart: ClusterLab) -> None:
    quickstart.is_as_expected()


def test_a_block_is_in_the_kernels_within_a_second(quickstart: ClusterLab, api_server: ApiServer) -> None:
    new = block("a1-more", "10.244.31.0/26", "a1")
    calico_crds.apply(api_server, new)
    applied = time.monotonic()
    eventually(lambda: "10.244.31.0/26" in kernel_routes(quickstart, "b3"), "the block is in the kernel of b3")
    took = time.monotonic() - applied
    controllers.delete(api_server, [new])
    eventually(lambda: "10.244.31.0/26" not in kernel_routes(quickstart, "b3"), "it is gone again")
    assert took < 1.0


def test_the_status_says_how_the_node_stands(quickstart: ClusterLab) -> None:
    def status() -> dict[str, Any]:
        return dict(quickstart.node_plan("a1").get("status", {}))

    eventually(lambda: status().get("sessions", {}).get("summary") == "2/2", "both sessions are in the status")

    def is_in_force() -> bool:
        found, digest = status(), quickstart.node_plan("a1")["spec"]["digest"]
        return bool(found["digest"] == found["running"] == digest)

    eventually(is_in_force, "all of the NodePlan is in force")
    eventually(lambda: status().get("routes") == {"wanted": 6, "installed": 6}, "the routes are in the status")
    states = {each["type"]: each["status"] for each in status()["conditions"]}
    assert states == {"Ready": "True", "Applied": "True", "Held": "False", "Degraded": "False"}
    assert status()["version"] == version("bgpctl")


def test_a_change_that_isolates_is_held_and_the_object_says_so(quickstart: ClusterLab, api_server: ApiServer) -> None:
    """One wrong label on both reflectors."""

    def label(text: str) -> None:
        for node in ("rr1", "rr2"):
            patch = json.dumps({"metadata": {"labels": {"route-reflector": text or None}}})
            resource = "nodes.projectcalico.org"
            calico_crds.run(api_server, "patch", resource, node, "--type=merge", f"--patch={patch}")

    with no_packet_lost(quickstart, "pod-a1", "10.244.21.2"):
        label("")
        eventually(lambda: condition(quickstart, "a1", "Held")["status"] == "True", "a1 holds the change", within=20)
        message = condition(quickstart, "a1", "Held")["message"]
        digest = quickstart.node_plan("a1")["status"]["held"]["digest"]
        (difference,) = quickstart.node_plan("a1")["status"]["held"]["differences"]
        assert f"bgpctl confirm a1 --digest {digest}" in message
        assert difference["kind"] == "last-session"
        assert any(each.startswith("Node rr") and "has(route-reflector)" in each for each in difference["causes"])
        # What does not depend on it goes on.
        new = block("a2-more", "10.244.32.0/26", "a2")
        calico_crds.apply(api_server, new)
        eventually(lambda: "10.244.32.0/26" in kernel_routes(quickstart, "b3"), "a new block is advertised")
        controllers.delete(api_server, [new])
        label("true")
        eventually(lambda: condition(quickstart, "a1", "Held")["status"] == "False", "nothing is held", within=20)
    quickstart.is_as_expected()


# ---------------------------------------------------------------------------------------------- without the cluster


def test_everything_goes_on_without_the_api_server(quickstart: ClusterLab) -> None:
    """And agents, speakers and whole nodes start again."""
    quickstart.relay.close()
    try:
        with no_packet_lost(quickstart, "pod-a2", "10.244.22.2"):
            quickstart.end_agent_and_speaker("a1")
            for each in our_files(quickstart.state.node_directory("a1")):  # as after a reboot, /run is empty
                each.unlink()
            quickstart.up()
            quickstart.until_all_established()
            quickstart.is_as_expected()
        problems = [each.message for each in quickstart.status("a1").problems]
        assert any("in use is the NodePlan" in each for each in problems), problems
    finally:
        quickstart.relay.open()
    eventually(lambda: not quickstart.status("a1").problems, "the API server is back", within=40)


def test_everything_goes_on_without_the_controller(quickstart: ClusterLab) -> None:
    quickstart.controller.end(signal.SIGKILL)
    try:
        quickstart.end_agent_and_speaker("b1")
        quickstart.up()
        quickstart.until_all_established()
        quickstart.is_as_expected()
        # A pod of a block that no plan has yet: its kernel route is announced as it appears.
        route = ["ip", "-n", quickstart.namespace("b1"), "route", "add", "10.244.77.5/32", "dev", "cali1"]
        subprocess.run(route, check=True)
        eventually(lambda: "10.244.77.5" in kernel_routes(quickstart, "a1"), "a1 has the way to the new pod")
        subprocess.run([*route[:4], "del", *route[5:]], check=True)
        eventually(lambda: "10.244.77.5" not in kernel_routes(quickstart, "a1"), "and not any more")
    finally:
        quickstart.controller.start()


def test_another_route_protocol_is_in_the_next_plan_and_loses_no_packet(quickstart: ClusterLab) -> None:
    """From BIRD's number to ours, and back: docs/beside-calico.md."""
    prefixes = kernel_routes(quickstart, "a1")
    with no_packet_lost(quickstart, "pod-a1", "10.244.21.2"):
        for number, former, options in ((12, ROUTE_PROTOCOL, ["--route-protocol=12"]), (ROUTE_PROTOCOL, 12, [])):
            quickstart.controller.end()
            quickstart.controller.start(*options)

            def is_renumbered(number: int = number, former: int = former) -> bool:
                found = [kernel_routes(quickstart, "a1", protocol=each) for each in (number, former)]
                return found == [prefixes, set()]

            eventually(is_renumbered, f"a1's routes have the number {number}", within=60)
    quickstart.is_as_expected()


def test_an_api_server_that_is_killed_loses_no_packet(quickstart: ClusterLab, api_server: ApiServer) -> None:
    with no_packet_lost(quickstart, "pod-a1", "10.244.21.2"):
        api_server.kill_api_server()
        api_server.start_api_server()
        new = block("a3-more", "10.244.33.0/26", "a3")
        calico_crds.apply(api_server, new)
        eventually(lambda: "10.244.33.0/26" in kernel_routes(quickstart, "b3"), "a new block comes", within=60)
        controllers.delete(api_server, [new])
        eventually(lambda: "10.244.33.0/26" not in kernel_routes(quickstart, "b3"), "and goes")


def test_a_node_that_is_deleted_takes_its_routes_with_it(quickstart: ClusterLab, api_server: ApiServer) -> None:
    objects = [
        each
        for each in controllers.objects_in(controller_process.ROOT / "labs" / NAME / "resources")
        if each["metadata"]["name"] == "b2" or each.get("spec", {}).get("node") == "b2"
    ]
    controllers.delete(api_server, objects)
    eventually(lambda: "10.244.22.0/26" not in kernel_routes(quickstart, "a1"), "its routes are gone", within=20)
    eventually(lambda: "b2" not in controllers.specs(api_server), "its NodePlan is gone", within=20)
    kinds = ["own-node"]
    eventually(
        lambda: [each.kind for each in quickstart.status("b2").held] == kinds, "it keeps what it has, and says so"
    )
    calico_crds.apply(api_server, *objects)
    quickstart.until_all_established()
    quickstart.is_as_expected()


# ------------------------------------------------------------------------------------------------- hostile objects

HOSTILE = {
    "no plan": ({"plan": {"plan": 3}}, "not readable"),
    "a field of a later version": ({"plan": {"plan": {"version": 99}}}, "version 99"),
    "another digest": ({"digest": "0" * 12}, "somebody has edited it"),
    "no gzip": ({"plan": None, "compressed": "bm8gZ3ppcA=="}, "no gzip"),
}


@pytest.mark.parametrize(("spec", "reason"), HOSTILE.values(), ids=HOSTILE)
def test_a_node_plan_that_is_not_readable_changes_nothing(
    quickstart: ClusterLab, api_server: ApiServer, spec: dict[str, Any], reason: str
) -> None:
    """No controller is there to put it right."""
    quickstart.controller.end()
    try:
        with no_packet_lost(quickstart, "pod-a1", "10.244.21.2"):
            patch = f"--patch={json.dumps({'spec': spec})}"
            calico_crds.run(api_server, "patch", "nodeplan", "a1", "--type=merge", patch)
            eventually(lambda: any(reason in each.message for each in quickstart.status("a1").problems), reason)
            assert {each.state for each in quickstart.peers("a1")} == {"Established"}
            eventually(lambda: reason in condition(quickstart, "a1", "Degraded")["message"], "the object says so")
    finally:
        quickstart.controller.start()
    eventually(lambda: not quickstart.status("a1").problems, "the controller puts it right", within=30)


# ------------------------------------------------------------------------------------------------ rights and secrets

FORBIDDEN = (
    "get secrets", "list secrets", "list bgppeers.projectcalico.org", "list nodes", "get nodes", "list pods",
    "create nodeplans.bgpctl.io", "patch nodeplans.bgpctl.io", "delete nodeplans.bgpctl.io", "list configmaps",
    "patch bgppeers.projectcalico.org", "list blockaffinities.projectcalico.org",
)  # fmt: skip


@pytest.mark.parametrize("what", FORBIDDEN)
def test_the_token_of_an_agent_reads_nothing_else(quickstart: ClusterLab, api_server: ApiServer, what: str) -> None:
    verb, resource = what.split()
    kubeconfig = api_server.token_kubeconfig(api_server.token(AGENT, controller_process.SYSTEM))
    done = api_server.kubectl("auth", "can-i", verb, resource, f"--kubeconfig={kubeconfig}", "--all-namespaces")
    assert done.stdout.strip() == "no"
