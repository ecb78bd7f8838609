"""The resources cannot be read, for as long as you like: nothing changes, it is reported, and they are followed again.

Nothing in the agent counts how long that is, so an hour is no other case than the seconds of these tests.
"""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from restart_world import BLOCKS, Cluster
from segment import eventually
from traffic import Record, about, go_on_for, pings, routes_of_nodes, undisturbed_sessions

pytestmark = pytest.mark.netns

# Seconds. The agents have noticed and reported it before.
OUTAGE = 1.0
NEW = "10.64.20.0/26"
STATUS = """
apiVersion: projectcalico.org/v3
kind: CalicoNodeStatus
metadata: {name: about-n1}
spec: {node: n1, classes: [Agent], updatePeriodSeconds: 1}
"""


def in_mounts_of(cluster: Cluster, *command: str | Path) -> None:
    """As if for the whole machine: each agent has a mount namespace of its own, with its network namespace."""
    for member in cluster.members.values():
        assert member.agent is not None
        subprocess.run(["nsenter", "-m", "-t", str(member.agent.pid), *map(str, command)], check=True)


def move_away(cluster: Cluster) -> Callable[[], None]:
    aside = cluster.resources.with_name("aside")
    cluster.resources.rename(aside)
    return lambda: _put_back(aside, cluster.resources)


def _put_back(aside: Path, path: Path) -> None:
    aside.rename(path)


def close_directory(cluster: Cluster) -> Callable[[], None]:
    """The agents have given up what lets root read everything."""
    cluster.resources.chmod(0)
    return lambda: cluster.resources.chmod(0o700)


def close_files(cluster: Cluster) -> Callable[[], None]:
    files = list(cluster.resources.iterdir())
    for file in files:
        file.chmod(0)
    return lambda: [file.chmod(0o600) for file in files] and None


def cover(cluster: Cluster) -> Callable[[], None]:
    """What an unmounted file system leaves: an empty directory by the same name. inotify says nothing of either."""
    in_mounts_of(cluster, "mount", "-t", "tmpfs", "none", cluster.resources)
    return lambda: in_mounts_of(cluster, "umount", cluster.resources)


@pytest.mark.parametrize("make_unreachable", [move_away, close_directory, close_files, cover])
def test_resources_that_cannot_be_read_change_nothing(
    cluster: Cluster, record: Record, make_unreachable: Callable[[Cluster], Callable[[], None]]
) -> None:
    node = cluster["n1"]
    cluster.write("status.yaml", STATUS)
    answer = node.run_directory / "status" / "about-n1.yaml"
    eventually(answer.exists, "the CalicoNodeStatus is answered")
    generations = {name: member.known_status().plan_generation for name, member in cluster.members.items()}
    what = f"resources cannot be read: {make_unreachable.__name__.replace('_', ' ')}"
    with undisturbed_sessions(cluster), pings(cluster, what, record), routes_of_nodes(cluster) as changes:
        make_reachable = make_unreachable(cluster)
        try:
            for member in cluster.members.values():
                eventually(lambda member=member: not member.known_status().plan_is_current, f"{member.name} says so")
            assert node.known_status().problems[0].severity == "error"
            assert re.search("the last good (plan|version) stays", node.log)  # what is not mounted is held
            status, page = node.page("readyz")
            assert (status, page.splitlines()[0]) == (200, "OK")
            assert node.metric("bgpctl_plan_current") == 0
            go_on_for(OUTAGE)
        finally:
            make_reachable()
        cluster.until_whole()
    assert {name: member.known_status().plan_generation for name, member in cluster.members.items()} == generations
    assert not any(about(each, *BLOCKS.values()) for each in changes)
    assert answer.exists()
    cluster.has_block("n2", NEW)
    eventually(lambda: NEW in node.routes(), "they are followed again")
    cluster.lacks_block(NEW)
    eventually(lambda: NEW not in node.routes(), "they are followed still")
    (cluster.resources / "status.yaml").unlink()
    eventually(lambda: not answer.exists(), "the request is gone")


def test_an_agent_that_restarts_meanwhile_goes_on_with_the_plan_that_it_had(cluster: Cluster, record: Record) -> None:
    node = cluster["n1"]
    with undisturbed_sessions(cluster), pings(cluster, "an agent restarts while there are no resources", record):
        make_reachable = move_away(cluster)
        try:
            node.end(signal.SIGKILL)
            node.start()
            eventually(lambda: node.page("readyz") == (200, "OK\n"), "the next agent is ready")
            assert not node.known_status().plan_is_current
        finally:
            make_reachable()
        cluster.until_whole()
