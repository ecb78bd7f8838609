"""The status of a NodePlan: what the agent's own status becomes in it."""

from __future__ import annotations

from msgspec.structs import replace

from bgpctl.agent.report.node_plan_status import MOST_SENTENCES, node_plan_status
from bgpctl.node_plan.status import Found, NodePlanStatus, Sessions
from reflector.messages import AgentStatus, DownSession, HeldStatus, ProblemStatus

NOW = 1_764_633_600.0  # 2025-12-02T00:00:00Z
WELL = AgentStatus(
    node="a",
    version="1.2.3",
    pid=7,
    uptime=60.0,
    plan_generation=1,
    plan_is_current=True,
    last_compile_seconds=0.0,
    applied_at=NOW - 60,
    speaker_state="running",
    fib_in_sync=True,
    fib_desired=3,
    fib_installed=3,
    sessions_known=True,
    sessions_expected=2,
    sessions_established=2,
)
HELD = HeldStatus("last-session", "no session is left for IPv4 (rr1)", ("Node rr1: it is gone",))


def made(status: AgentStatus, before: NodePlanStatus | None = None, now: float = NOW) -> NodePlanStatus:
    return node_plan_status(status, Found(), "aaaa", "aaaa", before or NodePlanStatus(), now)


def conditions(status: NodePlanStatus) -> dict[str, tuple[str, str]]:
    return {each.type: (each.status, each.reason) for each in status.conditions}


def test_a_node_that_is_well() -> None:
    found = made(WELL)
    assert conditions(found) == {
        "Ready": ("True", "Running"),
        "Applied": ("True", "InForce"),
        "Held": ("False", "NothingHeld"),
        "Degraded": ("False", "AsExpected"),
    }
    assert found.sessions == Sessions(2, 2, "2/2")
    assert (found.digest, found.applied_at, found.version) == ("aaaa", "2025-12-01T23:59:00Z", "1.2.3")


def test_the_time_of_a_condition_is_that_of_its_last_change() -> None:
    first = made(WELL)
    later = made(WELL, first, NOW + 3600)
    assert later == first, "at rest nothing is written"
    broken = made(replace(WELL, sessions_overdue=1, sessions_established=1), first, NOW + 3600)
    times = {each.type: each.last_transition_time for each in broken.conditions}
    assert times["Degraded"] == "2025-12-02T01:00:00Z"
    assert times["Ready"] == "2025-12-02T00:00:00Z"


def test_what_is_held_says_how_it_is_confirmed() -> None:
    held = replace(WELL, held=(HELD,), held_digest="abcdef012345", plan_is_current=False)
    found = made(held)
    assert conditions(found)["Held"] == ("True", "PlanHeld")
    assert conditions(found)["Applied"] == ("False", "PlanHeld")
    message = next(each.message for each in found.conditions if each.type == "Held")
    assert message.endswith("put the resources right, or bgpctl confirm a --digest abcdef012345")
    assert (found.held.digest, found.held.count) == ("abcdef012345", 1)


def test_what_is_wrong_has_a_reason() -> None:
    for change, reason in (
        ({"speaker_crash_loop": True, "speaker_last_line": "boom"}, "SpeakerCrashLoop"),
        ({"sessions_overdue": 2}, "SessionsDown"),
        ({"fib_failed": 1}, "RoutesRefused"),
        ({"reflectors_down": True}, "ReflectorsDown"),
        ({"problems": (ProblemStatus("error", "", 0, "", "it cannot be read"),)}, "Problems"),
        ({"missing": ("10.0.0.9: there is no Secret",)}, "SessionsSuppressed"),
    ):
        assert conditions(made(replace(WELL, **change)))["Degraded"] == ("True", reason)


def test_an_object_has_no_room_for_thousands_of_sentences() -> None:
    down = tuple(
        DownSession(f"10.0.0.{number}", f"10.0.0.{number}", 64512, "", "Active", 9.0, True, "refused", 3.0, "")
        for number in range(100)
    )
    many = replace(
        WELL, sessions_down=down, held=(HELD,) * 100, problems=(ProblemStatus("error", "", 0, "", "x"),) * 100
    )
    found = made(many)
    assert len(found.sessions.down) == len(found.held.differences) == len(found.problems) == MOST_SENTENCES
    assert found.held.count == 100
    assert found.sessions.down[0] == "10.0.0.0: refused"


def test_an_agent_without_a_plan_says_so() -> None:
    found = node_plan_status(replace(WELL, plan_generation=0), Found(), "", "", NodePlanStatus(), NOW)
    assert conditions(found)["Applied"] == ("False", "NoPlan")
    assert conditions(found)["Ready"] == ("False", "NotReady")
