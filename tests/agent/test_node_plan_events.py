"""What of an agent's status becomes an event, and what does not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from bgpctl.agent.report.node_plan_events import ACTIONS, NodeFacts, NodePlanEvents
from bgpctl.agent.report.node_plan_status import node_plan_status
from bgpctl.agent.report.session_events import MOST_NAMED, SETTLED
from bgpctl.controller.problem_events import DELETION_WITHHELD, NOT_IN_FORCE, PLAN_NOT_WRITTEN
from bgpctl.kubernetes.events import LONGEST_NOTE
from bgpctl.kubernetes.lasting_events import REMIND
from bgpctl.kubernetes.occurrence import Occurrence
from bgpctl.node_plan.status import Found, NodePlanStatus
from reflector.messages import AgentStatus, DownSession, FlappingSession, HeldStatus, ProblemStatus
from reflector.plan import SuppressedSession

PAGE = Path(__file__).parents[2] / "docs/events.md"
WELL = AgentStatus(
    node="a",
    version="1.2.3",
    pid=7,
    uptime=60.0,
    plan_generation=1,
    plan_is_current=True,
    last_compile_seconds=0.0,
    sessions_known=True,
    sessions_expected=2,
    sessions_established=2,
)
HELD = HeldStatus("last-session", "no session is left for IPv4 (rr1)", ("Node rr1: it is gone",))


def down(name: str, seconds: float = SETTLED, ended: str = "the hold time is over") -> DownSession:
    return DownSession(name, name, 64512, "", "Active", seconds, False, "refused", 0.1, ended)


def with_down(*sessions: DownSession) -> AgentStatus:
    return replace(WELL, sessions_down=sessions, sessions_established=2 - len(sessions))


class Watched:
    """An agent's events, from one status to the next."""

    def __init__(self) -> None:
        self.recorded: list[Occurrence] = []
        self.now = 0.0
        self._events = NodePlanEvents("a", self.recorded.append)

    def look(
        self, status: AgentStatus = WELL, *, planned: tuple[str, ...] = ("r1", "r2"), without_key: tuple[str, ...] = ()
    ) -> list[str]:
        """The reasons that are new."""
        before = len(self.recorded)
        made = node_plan_status(status, Found(), "aaaa", "aaaa", NodePlanStatus(), 1e9)
        lacking = tuple(SuppressedSession(name, name, "BGPPeer/p: Secret n/s does not exist") for name in without_key)
        self.now += 5.0
        self._events.look(NodeFacts(status, made, frozenset(planned), lacking), self.now)
        return [each.reason for each in self.recorded[before:]]

    @property
    def note(self) -> str:
        return self.recorded[-1].note


@pytest.fixture
def watched() -> Watched:
    found = Watched()
    assert found.look() == []
    return found


def test_a_session_that_is_lost_and_regained_is_one_event_each(watched: Watched) -> None:
    assert watched.look(with_down(down("r1"))) == ["SessionDown"]
    assert watched.note == "the session r1 is down: the hold time is over"
    assert watched.look(with_down(down("r1", 60.0))) == []
    assert watched.look(WELL) == ["SessionUp"]
    assert [each.is_warning for each in watched.recorded] == [True, False]
    assert watched.look(WELL) == []


def test_a_session_that_is_reset_is_no_news(watched: Watched) -> None:
    assert watched.look(with_down(down("r1", SETTLED / 2))) == []
    assert watched.look(WELL) == []


def test_a_session_that_was_never_established_is_no_news(watched: Watched) -> None:
    assert watched.look(with_down(down("r1", 600.0, ended=""))) == []
    assert watched.look(WELL) == []


def test_a_session_that_the_plan_has_no_more_did_not_come_back(watched: Watched) -> None:
    watched.look(with_down(down("r1")))
    assert watched.look(replace(WELL, sessions_expected=1, sessions_established=1), planned=("r2",)) == []
    assert watched.look(WELL) == []


def test_a_speaker_that_does_not_answer_is_no_news_of_sessions(watched: Watched) -> None:
    watched.look(with_down(down("r1")))
    away = replace(WELL, sessions_known=False, sessions_expected=0, sessions_established=0)
    assert watched.look(away) == []
    assert watched.look(WELL) == ["SessionUp"]


def test_of_many_sessions_the_first_are_named(watched: Watched) -> None:
    many = tuple(f"p{number}" for number in range(100))
    status = replace(
        WELL, sessions_expected=500, sessions_established=100, sessions_down=tuple(down(name) for name in many)
    )
    assert watched.look(status, planned=many) == ["SessionDown"] * (MOST_NAMED + 1)
    assert "97 more sessions" in watched.note


def test_of_sessions_that_the_status_has_no_room_for_none_is_up(watched: Watched) -> None:
    watched.look(with_down(down("r1")))
    truncated = replace(WELL, sessions_expected=500, sessions_established=0, sessions_down=(down("r2"),))
    assert "SessionUp" not in watched.look(truncated)


def test_a_session_that_does_not_stay_up_is_one_event_however_often(watched: Watched) -> None:
    flapping = replace(WELL, sessions_flapping=(FlappingSession("r1", "r1", "rr1", "the hold time is over"),))
    reasons = [reason for _ in range(300) for reason in watched.look(flapping)]
    assert reasons == ["SessionFlapping"], "in 25 minutes"
    assert "r1 (rr1) went down three times" in watched.note


def test_what_is_held_has_what_is_lost_who_does_it_and_how_it_is_confirmed(watched: Watched) -> None:
    held = replace(WELL, held=(HELD,), held_digest="abcdef012345", plan_is_current=False)
    assert watched.look(held) == ["PlanHeld"]
    assert watched.note == (
        "no session is left for IPv4 (rr1) (Node rr1: it is gone): put the resources right, or bgpctl confirm a "
        "--digest abcdef012345"
    )
    assert watched.look(held) == []
    assert watched.look(replace(held, held_digest="012345abcdef")) == ["PlanHeld"], "it is another difference"
    assert watched.look(WELL) == ["PlanReleased"]


def test_of_much_that_is_held_the_note_ends_with_how_it_is_confirmed(watched: Watched) -> None:
    held = replace(WELL, held=(HELD,) * 100, held_digest="abcdef012345", plan_is_current=False)
    watched.look(held)
    assert "and 97 more: " in watched.note
    assert len(watched.note.encode()) <= LONGEST_NOTE


def test_a_plan_that_is_refused_has_the_reason(watched: Watched) -> None:
    problem = ProblemStatus("error", "", 0, "", "NodePlan a: somebody has edited it")
    assert watched.look(replace(WELL, problems=(problem,), plan_is_current=False)) == ["PlanRefused"]
    assert watched.note == "NodePlan a: somebody has edited it; the plan in force stays"
    assert watched.look(WELL) == []


def test_an_agent_that_has_no_plan_yet_reports_nothing() -> None:
    events = NodePlanEvents("a", lambda each: pytest.fail(each.reason))
    status = replace(WELL, plan_generation=0, plan_is_current=False, sessions_known=False)
    events.look(NodeFacts(status, node_plan_status(status, Found(), "", "", NodePlanStatus(), 1e9)), 0.0)


def test_a_password_that_is_missing_is_one_event_of_all_its_sessions(watched: Watched) -> None:
    names = tuple(f"p{number}" for number in range(5000))
    assert watched.look(without_key=names) == ["PasswordMissing"]
    assert watched.note.startswith("BGPPeer/p: Secret n/s does not exist")
    assert "p0 and 4999 more" in watched.note


def test_a_speaker_in_a_crash_loop_is_an_event_with_its_last_line(watched: Watched) -> None:
    assert watched.look(replace(WELL, speaker_crash_loop=True, speaker_last_line="boom")) == ["SpeakerCrashLoop"]
    assert "boom" in watched.note


def test_what_lasts_is_reminded_of_and_a_plan_that_changes_is_no_news(watched: Watched) -> None:
    lost = with_down(down("r1"))
    assert watched.look(lost) == ["SessionDown"]
    watched.now += REMIND
    assert watched.look(replace(lost, plan_generation=2, applied_at=1e9, fib_desired=7)) == ["SessionDown"]


def test_the_page_has_every_reason() -> None:
    named = set(re.findall(r"^\| `([A-Z][A-Za-z]+)` \|", PAGE.read_text(), re.MULTILINE))
    assert named == {*ACTIONS, NOT_IN_FORCE, PLAN_NOT_WRITTEN, DELETION_WITHHELD}
