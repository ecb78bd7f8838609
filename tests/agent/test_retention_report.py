"""What is reported of retained routes, and what is kept for the next agent."""

from __future__ import annotations

from pathlib import Path

import msgspec

from bgpctl.agent.retention.file import NOTHING, RetainedFile, RetainedState, gathered
from bgpctl.agent.retention.report import RetentionReport, reflector_sessions, report
from bgpctl.fib.core.desired import Paths
from reflector.messages import RetainedSession
from reflector.plan import NodePlan, SessionKind, SessionPlan

UNTIL, TEXT = 1_800_000_000.0, "2027-01-15 08:00:00Z"
NOW = UNTIL - 100
REFLECTORS = frozenset({"r1", "r2"})


def away(node: str, routes: int, *, may_reflect: bool = True, is_up: bool = False) -> RetainedSession:
    return RetainedSession(node, node, is_up, may_reflect, routes, 100.0)


def sentence(*awaited: RetainedSession, reflectors: frozenset[str] = REFLECTORS, in_kernel: int = 0) -> str:
    return report(awaited, reflectors, in_kernel, UNTIL).sentence


def test_all_reflectors_are_down() -> None:
    """Each prefix has one best route, of one of them."""
    found = report([away("r1", 3), away("r2", 4)], REFLECTORS, 0, UNTIL)
    assert (found.routes, found.reflectors_down, found.left(NOW)) == (7, True, 100)
    assert found.sentence == f"all reflectors are down; 7 routes retained until {TEXT}"


def test_one_reflector_that_is_there_is_enough() -> None:
    assert report([away("r1", 3)], REFLECTORS, 0, UNTIL) == RetentionReport()


def test_reflectors_that_are_reestablished_and_have_not_sent_all() -> None:
    assert sentence(away("r1", 3, is_up=True), away("r2", 4)).startswith(
        "no reflector has sent all its routes yet; 7 routes"
    )


def test_reflectors_that_are_down_from_the_start() -> None:
    assert sentence(away("r1", 0), away("r2", 0)) == "all reflectors are down; no routes are retained"


def test_the_kernel_alone_has_them() -> None:
    assert (
        sentence(away("r1", 0), away("r2", 0), in_kernel=5)
        == f"all reflectors are down; 5 routes retained until {TEXT}"
    )


def test_nodes_of_the_mesh_count_one_by_one() -> None:
    mesh = [away(f"n{number}", 2, may_reflect=False) for number in range(7)]
    assert sentence(mesh[0], reflectors=frozenset()) == f"node n0 is away; 2 routes retained until {TEXT}"
    assert sentence(*mesh, reflectors=frozenset()).startswith("7 nodes are away (n0, n1, n2, n3, n4, ...); 14 routes")


def test_a_node_lives_by_its_reflectors_and_a_reflector_by_its_clients() -> None:
    one = SessionPlan("10.0.0.9", SessionKind.GLOBAL, "10.0.0.9", 64512, 64512, (4,), peer_node="r1")
    sessions = {one.name: one}
    assert reflector_sessions(NodePlan("a", "10.0.0.1"), sessions, REFLECTORS) == {one.name}
    assert reflector_sessions(NodePlan("a", "10.0.0.1"), sessions, {"other"}) == frozenset()
    assert reflector_sessions(NodePlan("r2", "10.0.0.8", cluster_id="224.0.0.1"), sessions, REFLECTORS) == frozenset()


# ------------------------------------------------------------------------------------------------- file


def test_the_next_agent_reads_what_this_one_knew(tmp_path: Path) -> None:
    shared = Paths((b"\n\0\0\2",), 100)
    known = [((4, b"\x18\x14\0\0"), shared), ((4, b"\x18\x14\0\1"), shared), ((6, b"\x10\xfd\0"), Paths((), 100))]
    file = RetainedFile(tmp_path / "retained")
    file.write(RetainedState(UNTIL, gathered(known)))
    memory = file.read(NOW)
    assert memory.until == UNTIL
    assert [(each.paths, each.destinations) for each in memory.routes] == [
        (shared, [known[0][0], known[1][0]]),
        (known[2][1], [known[2][0]]),
    ]
    assert (tmp_path / "retained").stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_over_missing_or_damaged_is_as_good_as_none(tmp_path: Path) -> None:
    path = tmp_path / "retained"
    file = RetainedFile(path)
    assert file.read(NOW) == NOTHING
    file.write(RetainedState(UNTIL))
    assert file.read(UNTIL) == NOTHING
    path.write_bytes(msgspec.msgpack.encode(["nonsense"]))
    assert file.read(NOW) == NOTHING
    file.remove()
    file.remove()
    assert not path.exists()


def test_what_changes_is_written_again_after_a_pause(tmp_path: Path) -> None:
    """100,000 routes that change every second are not written every second."""
    file = RetainedFile(tmp_path / "retained")
    for now, until in ((100.0, UNTIL), (109.0, UNTIL + 1), (111.0, UNTIL + 2)):
        file.keep(until, state=now, known=lambda: (), now=now)
        assert file.read(NOW).until == (UNTIL if now < 110 else UNTIL + 2)
    file.keep(UNTIL + 3, state=111.0, known=lambda: (), now=200.0)
    assert file.read(NOW).until == UNTIL + 2, "nothing has changed"
