"""What an agent completes its NodePlan with by itself: the keys of Secrets, and the endpoints of Services."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import controllers
import pytest
from cluster_lab import ClusterLab, cluster_lab
from reported_events import notes_of, remove_all
from segment import eventually

from labs.bench.kubernetes import calico_crds, controller_process
from labs.bench.kubernetes.api_server import ApiServer
from labs.bench.kubernetes.controller_process import ControllerProcess
from reflector.plan import RouteSource, decode_plan

pytestmark = [pytest.mark.netns, pytest.mark.slow, pytest.mark.timeout(300)]

LABS = controller_process.ROOT / "labs"


def of_kind(lab: ClusterLab, kind: str) -> dict[str, Any]:
    """The only one of the lab."""
    (found,) = (each for each in controllers.objects_in(LABS / lab.topology.name / "resources") if each["kind"] == kind)
    return found


@contextmanager
def other_lab(cluster: ApiServer, name: str, path: Path) -> Iterator[ClusterLab]:
    """With its Secrets, which agents may read by name."""
    applied = controllers.apply_lab(cluster, name)
    secrets = [each for each in controllers.objects_in(LABS / name / "resources") if each["kind"] == "Secret"]
    if secrets:
        calico_crds.apply(cluster, *secrets)
        calico_crds.run(cluster, "apply", "-f", str(controller_process.ROOT / "config/rbac/passwords/role.yaml"))
    controller = ControllerProcess(cluster, path / "controller", "one", "--without-felix")
    controller.start()
    try:
        with cluster_lab(cluster, controller, name, path) as lab:
            yield lab
    finally:
        controller.close()
        controllers.clear(cluster, [*applied, *secrets])


def test_a_key_that_is_rotated_resets_no_session(cluster: ApiServer, tmp_path: Path) -> None:
    """The lab has passwords on every session, and services."""
    with other_lab(cluster, "upstream-policies", tmp_path) as lab:
        lab.is_as_expected()
        before = {each.name: each.flaps for each in lab.peers("n1")}
        secret = of_kind(lab, "Secret")
        calico_crds.apply(cluster, {**secret, "stringData": {**secret["stringData"], "nodes": "another one"}})

        def key(node: str) -> str:
            plan = decode_plan((lab.state.node_directory(node) / "plan.json").read_bytes())
            return next(each.password.secret for each in plan.sessions if each.peer_node and each.password is not None)

        eventually(lambda: {key("n1"), key("n2")} == {"another one"}, "both have the new key", within=10)
        lab.is_as_expected()
        assert {each.name: each.flaps for each in lab.peers("n1")} == before
        kept = (tmp_path / "state" / "n1.json").stat()
        assert kept.st_mode & 0o077 == 0
        assert "another one" not in calico_crds.run(cluster, "get", "nodeplans", "--output=yaml")


def test_the_endpoints_of_services_are_followed_without_a_controller(cluster: ApiServer, tmp_path: Path) -> None:
    with other_lab(cluster, "two-tors-anycast", tmp_path) as lab:
        lab.is_as_expected()
        lab.controller.end(signal.SIGKILL)

        def originated(node: str) -> set[str]:
            plan = decode_plan((lab.state.node_directory(node) / "plan.json").read_bytes())
            return {each.prefix for each in plan.originations if each.source is RouteSource.SERVICE}

        assert "203.0.113.80/32" in originated("n1")
        found = of_kind(lab, "EndpointSlice")
        moved = {**found, "endpoints": [{**found["endpoints"][0], "nodeName": "n3"}]}
        calico_crds.apply(cluster, moved)
        eventually(lambda: "203.0.113.80/32" in originated("n3"), "n3 has the endpoint", within=10)
        eventually(lambda: "203.0.113.80/32" not in originated("n1"), "n1 has none any more", within=10)


def test_a_secret_that_is_missing_is_an_event_on_the_node_plan(cluster: ApiServer, tmp_path: Path) -> None:
    with other_lab(cluster, "upstream-policies", tmp_path) as lab:
        lab.is_as_expected()
        secret = of_kind(lab, "Secret")
        controllers.delete(cluster, [secret])

        def note() -> str:
            return notes_of(cluster, "n1", "NodePlan").get("PasswordMissing", "")

        found = eventually(note, "it is reported", within=30)
        assert f"Secret {secret['metadata']['namespace']}/{secret['metadata']['name']} does not exist" in found
        assert not any(text in found for text in secret["stringData"].values())
        remove_all(cluster)
