"""Events of agents on their NodePlans, written with an agent's own token."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator

import controllers
import pytest
from cluster_lab import AGENT, ClusterLab
from reported_events import events, notes_of, remove_all
from segment import eventually
from test_agent import condition

from bgpctl.kubernetes.event_memory import BURST_OF_OBJECT
from labs.bench.kubernetes import calico_crds, controller_process
from labs.bench.kubernetes.api_server import ApiServer
from labs.bench.kubernetes.network import inside

pytestmark = [pytest.mark.netns, pytest.mark.slow, pytest.mark.timeout(300)]

LABEL = "route-reflector"
# More than an object may have at once.
MANY = BURST_OF_OBJECT + 4


@pytest.fixture(autouse=True)
def no_events_from_before(api_server: ApiServer, quickstart: ClusterLab) -> Iterator[None]:
    remove_all(api_server)
    yield
    remove_all(api_server)


def notes(server: ApiServer, node: str, of_type: str = "Warning") -> dict[str, str]:
    return notes_of(server, node, "NodePlan", of_type)


def test_a_session_that_goes_down_and_comes_back_is_two_events(quickstart: ClusterLab, api_server: ApiServer) -> None:
    quickstart.end_agent_and_speaker("rr1")
    try:
        note = eventually(lambda: notes(api_server, "a1").get("SessionDown", ""), "it is reported", within=30)
        assert note == "the session 10.1.0.10 (rr1) is down: the peer closed the connection"
    finally:
        quickstart.up()
        quickstart.until_all_established()
    eventually(lambda: "SessionUp" in notes(api_server, "a1", "Normal"), "it is back", within=30)
    assert "SessionDown" in calico_crds.run(api_server, "describe", "nodeplan", "a1")
    (down,) = (each for each in events(api_server, "a1", "NodePlan") if each["reason"] == "SessionDown")
    assert (down["reportingComponent"], down["reportingInstance"]) == ("bgpctl.io/agent", "a1")
    user = f"system:serviceaccount:{controller_process.SYSTEM}:{AGENT}"
    eventually(
        lambda: any(
            (each.user, each.verb, each.resource, each.status) == (user, "create", "events.events.k8s.io", 201)
            for each in api_server.requests()
        ),
        "it was created with the agent's token",
    )
    assert "SessionDown" not in notes(api_server, "rr1"), "a speaker that starts has lost no session"


def test_a_plan_that_is_held_is_an_event_with_what_is_lost_and_which_object_does_it(
    quickstart: ClusterLab, api_server: ApiServer
) -> None:
    """One wrong label on both reflectors."""

    def label(text: str) -> None:
        for node in ("rr1", "rr2"):
            patch = json.dumps({"metadata": {"labels": {LABEL: text or None}}})
            calico_crds.run(api_server, "patch", "nodes.projectcalico.org", node, "--type=merge", f"--patch={patch}")

    label("")
    try:
        note = eventually(lambda: notes(api_server, "a1").get("PlanHeld", ""), "it is reported", within=30)
        digest = quickstart.node_plan("a1")["status"]["held"]["digest"]
        assert f"bgpctl confirm a1 --digest {digest}" in note
        assert "Node rr" in note
        assert f"has({LABEL})" in note
    finally:
        label("true")
    eventually(lambda: "PlanReleased" in notes(api_server, "a1", "Normal"), "nothing is held", within=30)
    quickstart.is_as_expected()


def test_a_node_plan_that_is_not_readable_is_an_event(quickstart: ClusterLab, api_server: ApiServer) -> None:
    """No controller is there to put it right."""
    quickstart.controller.end()
    try:
        patch = f"--patch={json.dumps({'spec': {'digest': '0' * 12}})}"
        calico_crds.run(api_server, "patch", "nodeplan", "a1", "--type=merge", patch)
        note = eventually(lambda: notes(api_server, "a1").get("PlanRefused", ""), "it is reported", within=30)
        assert "somebody has edited it" in note
    finally:
        quickstart.controller.start()
    eventually(lambda: not quickstart.status("a1").problems, "the controller puts it right", within=30)


def test_plans_that_change_and_an_api_server_that_starts_again_make_no_events(
    quickstart: ClusterLab, api_server: ApiServer
) -> None:
    new = {
        "apiVersion": "projectcalico.org/v3",
        "kind": "BlockAffinity",
        "metadata": {"name": "a1-more"},
        "spec": {"node": "a1", "cidr": "10.244.31.0/26", "state": "confirmed"},
    }
    before = controllers.specs(api_server)["a1"].digest
    api_server.kill_api_server()
    api_server.start_api_server()
    calico_crds.apply(api_server, new)

    def running() -> str:
        return str(quickstart.node_plan("a1").get("status", {}).get("running", before))

    eventually(lambda: running() != before, "the changed plan is in force", within=60)
    controllers.delete(api_server, [new])
    eventually(lambda: running() == before, "and the one before", within=60)
    found = {each["metadata"]["name"]: each["message"] for each in events(api_server, "a1", "NodePlan")}
    assert found == {}


def test_what_the_limits_leave_out_is_counted(quickstart: ClusterLab, api_server: ApiServer) -> None:
    """A NodePlan that is edited in a different way each time: each is an occurrence of its own."""
    quickstart.controller.end()
    try:
        before = dropped(quickstart)
        for version in range(100, 100 + MANY):
            patch = json.dumps({"spec": {"plan": {"plan": {"version": version}}}})
            calico_crds.run(api_server, "patch", "nodeplan", "a1", "--type=merge", f"--patch={patch}")
            sentence = f"version {version}"
            # What the object says was looked at for events as well.
            eventually(lambda what=sentence: what in condition(quickstart, "a1", "Degraded")["message"], sentence)
        eventually(lambda: dropped(quickstart) > before, "what is left out is counted", within=30)
    finally:
        quickstart.controller.start()
    eventually(lambda: not quickstart.status("a1").problems, "the controller puts it right", within=30)


def dropped(lab: ClusterLab) -> float:
    """On the page of a1."""
    with inside(lab.namespace("a1")):
        page = urllib.request.urlopen(f"http://{lab.status('a1').metrics_address}/metrics", timeout=10).read().decode()
    (line,) = [each for each in page.splitlines() if each.startswith("bgpctl_agent_events_dropped_total ")]
    return float(line.split()[1])
