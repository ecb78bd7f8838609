"""Events in a real API server: what becomes of an occurrence, and what a controller reports of resources."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import controllers
import pytest
from reported_events import event_of, events, notes_of, remove_all
from segment import eventually

from bgpctl.kubernetes.access import Access
from bgpctl.kubernetes.api_server import ApiServer as Requests
from bgpctl.kubernetes.events import EventRecorder, Reporter
from bgpctl.kubernetes.kinds import KUBERNETES_NODE
from bgpctl.kubernetes.occurrence import Occurrence, Subject
from labs.bench.kubernetes import calico_crds, controller_process
from labs.bench.kubernetes.api_server import ApiServer
from labs.bench.kubernetes.controller_process import ControllerProcess

pytestmark = [pytest.mark.netns, pytest.mark.slow, pytest.mark.timeout(300)]

NODE = "reported"
DOWN = Occurrence(Subject(KUBERNETES_NODE, NODE), "SessionDown", "the session rr1 is down", "Peer")
BROKEN = {
    "apiVersion": "projectcalico.org/v3",
    "kind": "BGPPeer",
    "metadata": {"name": "broken"},
    "spec": {"peerIP": "nonsense", "asNumber": 64999},
}
Scene = Callable[[EventRecorder, list[str]], Coroutine[Any, Any, None]]


@pytest.fixture
def node(api_server: ApiServer, inside_its_network: None) -> Iterator[str]:
    calico_crds.apply(api_server, {"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE}})
    yield NODE
    api_server.start_what_was_killed()
    calico_crds.run(api_server, "delete", "node", NODE, "--ignore-not-found")
    remove_all(api_server)


@pytest.fixture
def play(api_server: ApiServer, node: str) -> Callable[[Scene], None]:
    """A recorder that runs, and its warnings."""

    def run(scene: Scene) -> None:
        async def playing() -> None:
            server, warnings = Requests(Access(kubeconfig=api_server.admin_kubeconfig)), list[str]()
            recorder = EventRecorder(server, Reporter("bgpctl.io/agent", "x" * 300), warnings.append)
            work = asyncio.create_task(recorder.run())
            try:
                await scene(recorder, warnings)
                assert not work.done()
            finally:
                work.cancel()
                await asyncio.wait({work})
                await server.close()

        asyncio.run(playing())

    return run


async def until(ask: Callable[[], object]) -> None:
    """In a thread, so that the recorder goes on."""
    await asyncio.to_thread(eventually, ask, "it is so", 30)


def test_an_event_is_as_kubectl_shows_it(api_server: ApiServer, node: str, play: Callable[[Scene], None]) -> None:
    async def scene(recorder: EventRecorder, _: list[str]) -> None:
        recorder.record(DOWN)
        await until(lambda: event_of(api_server, node, "Node", "SessionDown"))

    play(scene)
    found = event_of(api_server, node, "Node", "SessionDown")
    uid = json.loads(calico_crds.run(api_server, "get", "node", node, "--output=json"))["metadata"]["uid"]
    assert found["involvedObject"] == {"apiVersion": "v1", "kind": "Node", "name": node, "uid": uid}
    assert (found["type"], found["action"], found["message"]) == ("Warning", "Peer", DOWN.note)
    assert (found["reportingComponent"], found["metadata"]["namespace"]) == ("bgpctl.io/agent", "default")
    described = calico_crds.run(api_server, "describe", "node", node)
    assert "SessionDown" in described
    assert DOWN.note in described


def test_repeats_are_the_series_of_one_event(api_server: ApiServer, node: str, play: Callable[[Scene], None]) -> None:
    """Both ways: before the first write, and as a change of what is there."""
    clock = [0.0]

    async def scene(_: EventRecorder, __: list[str]) -> None:
        server = Requests(Access(kubeconfig=api_server.admin_kubeconfig))
        recorder = EventRecorder(server, Reporter("bgpctl.io/agent", node), pytest.fail, lambda: clock[0])
        work = asyncio.create_task(recorder.run())
        try:
            for _ in range(3):
                recorder.record(DOWN)
            await until(lambda: counted(api_server, node) == 3)
            clock[0] = 100.0
            recorder.record(DOWN)
            await until(lambda: counted(api_server, node) == 4)
            # One that the API server has forgotten is a new one.
            remove_all(api_server)
            clock[0] = 200.0
            recorder.record(DOWN)
            await until(lambda: counted(api_server, node) == 5)
        finally:
            work.cancel()
            await asyncio.wait({work})
            await server.close()

    play(scene)
    assert len(events(api_server, node, "Node")) == 1


def counted(server: ApiServer, node: str) -> int:
    return int(event_of(server, node, "Node", "SessionDown").get("series", {}).get("count", 0))


def writes(server: ApiServer) -> int:
    return sum(
        each.resource == "events.events.k8s.io" and each.verb in ("create", "patch") for each in server.requests()
    )


def test_what_flaps_a_thousand_times_is_a_few_writes(
    api_server: ApiServer, node: str, play: Callable[[Scene], None]
) -> None:
    before = writes(api_server)

    async def scene(recorder: EventRecorder, _: list[str]) -> None:
        for number in range(1000):
            recorder.record(DOWN)
            recorder.record(Occurrence(DOWN.subject, "SessionUp", "it is up", "Peer", is_warning=False))
            recorder.record(Occurrence(DOWN.subject, "SessionDown", f"the reason {number}", "Peer"))
            await asyncio.sleep(0)
        await until(lambda: len(events(api_server, node, "Node")) == 10)
        assert recorder.dropped > 900

    play(scene)
    eventually(lambda: writes(api_server) - before >= 10, "the audit log has them")
    assert writes(api_server) - before <= 15


def test_an_api_server_that_is_away_ends_nothing_and_is_reported_once(
    api_server: ApiServer, node: str, play: Callable[[Scene], None]
) -> None:
    async def scene(recorder: EventRecorder, warnings: list[str]) -> None:
        await asyncio.to_thread(api_server.kill_api_server)
        began = asyncio.get_running_loop().time()
        for _ in range(100):
            recorder.record(DOWN)
        assert asyncio.get_running_loop().time() - began < 1, "nothing waits for it"
        await until(lambda: warnings)
        await asyncio.to_thread(api_server.start_api_server)
        await until(lambda: counted(api_server, node) == 100)
        assert len({*warnings}) == len(warnings)

    play(scene)


def test_what_the_api_server_refuses_and_what_is_gone_is_left_out(
    api_server: ApiServer, node: str, play: Callable[[Scene], None]
) -> None:
    async def scene(recorder: EventRecorder, warnings: list[str]) -> None:
        recorder.record(Occurrence(Subject(KUBERNETES_NODE, "gone"), "SessionDown", "it is gone", "Peer"))
        recorder.record(Occurrence(DOWN.subject, "No reason" * 100, "too long a reason", "Peer"))
        recorder.record(DOWN)
        await until(lambda: event_of(api_server, node, "Node", "SessionDown"))
        assert len(warnings) == 1, warnings
        assert "422" in warnings[0]

    play(scene)


# ------------------------------------------------------------------------------------------------ of a controller


@pytest.fixture
def broken(cluster: ApiServer, one: ControllerProcess) -> Iterator[None]:
    """A BGPPeer that was never valid."""
    calico_crds.apply(cluster, BROKEN)
    yield
    cluster.start_what_was_killed()
    controllers.delete(cluster, [BROKEN])
    remove_all(cluster)


def test_a_broken_bgp_peer_has_a_warning_that_names_the_field(
    cluster: ApiServer, one: ControllerProcess, broken: None
) -> None:
    """Two events, in any order: what is wrong, and what is in force."""
    eventually(lambda: len(notes_of(cluster, "broken", "BGPPeer")) > 1, "the controller reports both", within=30)
    found = notes_of(cluster, "broken", "BGPPeer")
    assert "NotInForce" in found
    assert any("$.spec.peerIP" in note for note in found.values()), found
    described = calico_crds.run(cluster, "describe", "bgppeers.projectcalico.org", "broken")
    assert "$.spec.peerIP" in described
    event = events(cluster, "broken", "BGPPeer")[0]
    assert event["reportingComponent"] == "bgpctl.io/controller"
    assert event["involvedObject"]["apiVersion"] == "projectcalico.org/v3"


def test_only_the_leader_reports(
    cluster: ApiServer, one: ControllerProcess, broken: None, controller: Callable[..., ControllerProcess]
) -> None:
    eventually(lambda: "NotInForce" in notes_of(cluster, "broken", "BGPPeer"), "the first one reports it", within=30)
    two = controller("two")
    eventually(lambda: "a resource is invalid" in two.log.read_text(), "the second one sees it", within=30)
    assert {each["reportingInstance"] for each in events(cluster, "broken", "BGPPeer")} == {"one"}
    one.end(signal.SIGTERM)
    eventually(
        lambda: {each["reportingInstance"] for each in events(cluster, "broken", "BGPPeer")} == {"one", "two"},
        "the one that takes over reports what it finds", within=30,
    )  # fmt: skip


def test_deletions_that_are_withheld_are_on_the_node_plans(cluster: ApiServer, one: ControllerProcess) -> None:
    calico_crds.run(cluster, "delete", "nodes.projectcalico.org", "--all")
    found = eventually(
        lambda: notes_of(cluster, "a1", "NodePlan").get("DeletionWithheld", ""), "it is reported", within=30
    )
    assert "delete the NodePlan" in found
    assert "DeletionWithheld" in calico_crds.run(cluster, "describe", "nodeplan", "a1")
    remove_all(cluster)


def test_the_events_are_written_with_the_role_of_the_controller(
    cluster: ApiServer, one: ControllerProcess, broken: None
) -> None:
    eventually(lambda: "NotInForce" in notes_of(cluster, "broken", "BGPPeer"), "the controller reports it", within=30)
    user = f"system:serviceaccount:{controller_process.SYSTEM}:{controller_process.ACCOUNT}"
    eventually(
        lambda: any(
            (each.user, each.verb, each.resource, each.status) == (user, "create", "events.events.k8s.io", 201)
            for each in cluster.requests()
        ),
        "the audit log has it",
    )
    assert "writing events" not in one.log.read_text()


def test_a_controller_goes_on_where_it_may_not_write_events(
    cluster: ApiServer, one: ControllerProcess, controller: Callable[..., ControllerProcess]
) -> None:
    """A role of an earlier release."""
    role = json.loads(calico_crds.run(cluster, "get", "clusterrole", "bgpctl-controller", "--output=json"))
    before = role["rules"]
    role["rules"] = [each for each in before if each["apiGroups"] != ["events.k8s.io"]]
    try:
        replace(cluster, role)
        calico_crds.apply(cluster, BROKEN)
        eventually(lambda: "writing events" in one.log.read_text(), "the log has it", within=40)
        calico_crds.run(cluster, "delete", "nodeplan", "a1")
        controllers.wait_for_plans(cluster, controllers.of_directory(controllers.QUICKSTART))
        assert one.log.read_text().count("writing events") == 1
    finally:
        role["rules"] = before
        replace(cluster, role)
    eventually(lambda: notes_of(cluster, "broken", "BGPPeer"), "it reports when it may", within=40)
    controllers.delete(cluster, [BROKEN])
    remove_all(cluster)


def replace(server: ApiServer, role: dict[str, Any]) -> None:
    patch = json.dumps([{"op": "replace", "path": "/rules", "value": role["rules"]}])
    calico_crds.run(server, "patch", "clusterrole", role["metadata"]["name"], "--type=json", f"--patch={patch}")
