"""Clocks of a cluster that disagree: a controller's and an agent's against those of the API server and the others.

The API server, its etcd, the first controller and all other nodes keep the true time. Certificates are a few days old.
"""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import controllers
import pytest
from cluster_lab import ClusterLab
from faked_clock import DAY, HOUR, FakedClock, faked_clock
from segment import eventually
from test_agent import block, condition, kernel_routes, no_packet_lost

from bgpctl.controller.leadership import LEASE_SECONDS, PAUSE
from labs.bench.kubernetes import calico_crds, controller_process
from labs.bench.kubernetes.api_server import ApiServer
from labs.bench.kubernetes.cluster_authority import VALID_FOR, VALID_SINCE
from labs.bench.kubernetes.controller_process import ControllerProcess

pytestmark = [pytest.mark.netns, pytest.mark.slow, pytest.mark.timeout(300)]

WRITES = "this controller writes"
BEFORE_CERTIFICATES = -VALID_SINCE - DAY
NOT_YET_VALID = "the certificate of the API server is not valid yet by the clock of this machine"
EXPIRED = "the certificate of the API server has expired by the clock of this machine"
skewed = pytest.mark.parametrize("seconds", [HOUR, -DAY], ids=["an hour ahead", "a day behind"])


@pytest.fixture
def clock() -> Iterator[FakedClock]:
    with faked_clock() as clock:
        yield clock


@pytest.fixture
def other(quickstart: ClusterLab, clock: FakedClock, tmp_path: Path) -> Iterator[ControllerProcess]:
    """A second controller, not started yet, that goes by the clock."""
    found = ControllerProcess(
        quickstart.server, tmp_path / "two", "two", "--without-felix", environment=clock.environment
    )
    yield found
    found.close()


def lease(server: ApiServer) -> dict[str, Any]:
    words = ("get", "lease", "bgpctl-controller", f"--namespace={controller_process.SYSTEM}", "--output=json")
    spec: dict[str, Any] = json.loads(calico_crds.run(server, *words))["spec"]
    return spec


def holders_meanwhile(server: ApiServer) -> set[str]:
    """Everybody who has the Lease during the time in which one that is not renewed ends."""
    deadline, found = time.monotonic() + LEASE_SECONDS + 2 * PAUSE, set()
    while time.monotonic() < deadline:
        found.add(lease(server)["holderIdentity"])
    return found


@contextmanager
def a_new_block(lab: ClusterLab, name: str, cidr: str) -> Iterator[None]:
    """It comes into the kernels, and goes in the end: plans are written."""
    added = block(name, cidr, "a3")
    calico_crds.apply(lab.server, added)
    eventually(lambda: cidr in kernel_routes(lab, "b3"), "a new block comes")
    yield
    controllers.delete(lab.server, [added])
    eventually(lambda: cidr not in kernel_routes(lab, "b3"), "and goes")


@skewed
def test_a_controller_with_another_time_shares_the_lease(
    quickstart: ClusterLab, clock: FakedClock, other: ControllerProcess, seconds: int
) -> None:
    lab, server, one = quickstart, quickstart.server, quickstart.controller
    clock.jump(seconds)
    with no_packet_lost(lab, "pod-a1", "10.244.21.2"):
        transitions = lease(server)["leaseTransitions"]
        other.start()
        assert holders_meanwhile(server) == {"one"}, "what it takes for old is renewed"
        one.end(signal.SIGKILL)
        eventually(lambda: WRITES in other.log.read_text(), "the Lease of a dead holder ends", within=40)
        began = len(one.log.read_text())
        one.start()
        with a_new_block(lab, "a3-skewed", "10.244.34.0/26"):
            assert holders_meanwhile(server) == {"two"}, "what is taken for old is renewed"
        clock.jump(-seconds)
        with a_new_block(lab, "a3-jumped", "10.244.35.0/26"):
            assert holders_meanwhile(server) == {"two"}, "a clock that jumps meanwhile does not count"
        assert WRITES not in one.log.read_text()[began:], "two never write"
        assert lease(server)["leaseTransitions"] == transitions + 1
        assert other.end() == 0
        eventually(lambda: WRITES in one.log.read_text()[began:], "it is given back", within=10)
    assert "Traceback" not in other.log.read_text()
    lab.is_as_expected()


@pytest.fixture
def with_another_time(quickstart: ClusterLab, clock: FakedClock) -> Iterator[Callable[[int], None]]:
    """Starts agent and speaker of a1 so, and in the end as they were."""

    def start(seconds: int) -> None:
        clock.jump(seconds)
        quickstart.environments["a1"] = clock.environment
        quickstart.end_agent_and_speaker("a1")
        quickstart.up()

    yield start
    quickstart.environments.clear()
    with no_packet_lost(quickstart, "pod-a1", "10.244.21.2"):
        quickstart.end_agent_and_speaker("a1")
        quickstart.up()
        quickstart.until_all_established()
        eventually(lambda: not quickstart.status("a1").problems, "nothing is left of it")
        assert quickstart.status("a1").held == ()


@skewed
def test_an_agent_with_another_time_follows_and_reports(
    quickstart: ClusterLab, with_another_time: Callable[[int], None], seconds: int
) -> None:
    lab = quickstart
    with no_packet_lost(lab, "pod-a1", "10.244.21.2"):
        with_another_time(seconds)
        lab.until_all_established()
        with a_new_block(lab, "a3-more", "10.244.36.0/26"):
            eventually(lambda: "10.244.36.0/26" in kernel_routes(lab, "a1"), "the node has it, too")

        def is_reported() -> bool:
            plan = lab.node_plan("a1")
            return bool(plan["status"]["running"] == plan["spec"]["digest"])

        eventually(is_reported, "the object has what is in force")
        eventually(lambda: condition(lab, "a1", "Ready")["status"] == "True", "it is ready")
        assert (lab.status("a1").held, lab.status("a1").problems) == ((), ())
        lab.is_as_expected()


def test_a_certificate_that_is_outside_of_its_time_is_named_and_the_clock_with_it(
    quickstart: ClusterLab, clock: FakedClock, other: ControllerProcess, with_another_time: Callable[[int], None]
) -> None:
    """Both go on by themselves once the clock is right."""
    lab = quickstart
    with no_packet_lost(lab, "pod-a1", "10.244.21.2"):
        with_another_time(BEFORE_CERTIFICATES)
        other.start()
        eventually(lambda: NOT_YET_VALID in other.log.read_text(), "the controller has it in its log")
        eventually(lambda: NOT_YET_VALID in lab.log("a1"), "the agent has it in its log")
        assert any("in use is the NodePlan" in each.message for each in lab.status("a1").problems)
        lab.until_all_established()
        assert lease(lab.server)["holderIdentity"] == "one"
        clock.jump(VALID_FOR)
        eventually(lambda: EXPIRED in other.log.read_text(), "the controller has that as well")
        clock.jump(0)
        eventually(lambda: not lab.status("a1").problems, "the agent reads its NodePlan", within=60)
        eventually(lambda: other.page("/readyz")[0] == HTTPStatus.OK, "the controller could write", within=60)
    assert "internal error" not in other.log.read_text()
