"""How many series sessions have: each its own, added up by type, or none."""

from collections.abc import Iterator

import pytest
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample
from test_agent_metrics import ACTIVE, AGENT, ESTABLISHED

from bgpctl.agent.metrics.exposition import exposition
from bgpctl.agent.metrics.monotonic_sums import MonotonicSums
from bgpctl.agent.metrics.peer_metrics import PeerMetrics
from bgpctl.agent.metrics.snapshot import Snapshot
from bgpctl.agent.metrics.table import PER_SESSION
from bgpctl.daemon.metrics.row import lowest
from reflector.messages import Counters, PeerStatus
from reflector.plan import SessionKind, SessionType

COUNTERS = Counters({}, uptime=40.0)
MESH = {"kind": "mesh", "session_type": "ibgp"}
# As a speaker says it: every type of message, none refused.
ORDINARY = replace(
    ESTABLISHED,
    not_accepted={},
    messages_in={"UPDATE": 11, "KEEPALIVE": 3, "NOTIFICATION": 0, "ROUTE-REFRESH": 0},
    messages_out={"UPDATE": 12, "KEEPALIVE": 3, "NOTIFICATION": 0, "ROUTE-REFRESH": 0},
)
EXTERNAL = replace(ORDINARY, name="tor", kind=SessionKind.GLOBAL, session_type=SessionType.EBGP, peer_as=65001)


def samples(mode: PeerMetrics, *peers: PeerStatus, sums: MonotonicSums | None = None) -> list[Sample]:
    page = exposition(Snapshot(1000.0, AGENT, peers, COUNTERS), mode, sums).decode()
    return [sample for family in text_string_to_metric_families(page) for sample in family.samples]


def of_sessions(found: list[Sample]) -> list[Sample]:
    return [sample for sample in found if sample.name.startswith("bgpctl_session_")]


def value(found: list[Sample], name: str, **labels: str) -> float:
    (only,) = [each.value for each in found if each.name == name and labels.items() <= each.labels.items()]
    return float(only)


def many(number: int) -> Iterator[PeerStatus]:
    for index in range(number):
        yield replace(ORDINARY, name=f"mesh-{index}", peer_address=f"10.0.{index >> 8}.{index & 255}")


# --------------------------------------------------------------------------------------------- how many


def test_each_of_500_sessions_has_its_series_and_no_more() -> None:
    assert len(of_sessions(samples(PeerMetrics.EACH, *many(500)))) == 500 * PER_SESSION


def test_500_sessions_of_a_type_have_as_many_series_as_one() -> None:
    one, all_of_them = (of_sessions(samples(PeerMetrics.BY_TYPE, *many(number))) for number in (1, 500))
    assert len(all_of_them) == len(one) < PER_SESSION
    assert {"session", "peer"}.isdisjoint(label for sample in all_of_them for label in sample.labels)


def test_each_type_of_session_has_its_own_sums() -> None:
    one = of_sessions(samples(PeerMetrics.BY_TYPE, ORDINARY))
    two = samples(PeerMetrics.BY_TYPE, ORDINARY, EXTERNAL)
    assert len(of_sessions(two)) == 2 * len(one)
    assert value(two, "bgpctl_session_routes_received", kind="global", session_type="ebgp") == 7


def test_none_says_nothing_of_sessions_but_their_number() -> None:
    found = samples(PeerMetrics.NONE, *many(500))
    assert of_sessions(found) == []
    assert value(found, "bgpctl_sessions", state="established") == 500


def test_what_is_not_about_sessions_does_not_grow_with_them() -> None:
    few, more = (len(samples(PeerMetrics.NONE, *many(number))) for number in (1, 500))
    assert few == more


# ----------------------------------------------------------------------------------------------- how much


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("bgpctl_session_established", 1),
        ("bgpctl_session_routes_received", 14),
        ("bgpctl_session_flaps_total", 2),
        ("bgpctl_session_uptime_seconds", 30),
        ("bgpctl_session_hold_left_seconds", 200),
        ("bgpctl_session_last_change_timestamp_seconds", 998),
    ],
)
def test_a_type_is_told_by_what_its_sessions_make_together(name: str, expected: float) -> None:
    assert value(samples(PeerMetrics.BY_TYPE, ESTABLISHED, ACTIVE), name, **MESH) == expected


def test_labels_of_a_type_are_added_up_one_by_one() -> None:
    found = samples(PeerMetrics.BY_TYPE, ESTABLISHED, ACTIVE)
    assert value(found, "bgpctl_session_routes_not_accepted", verdict="as-loop", **MESH) == 4
    assert value(found, "bgpctl_session_messages_received_total", type="KEEPALIVE", **MESH) == 6


@pytest.mark.parametrize("name", ["bgpctl_session_state", "bgpctl_session_last_error_code", "bgpctl_session_info"])
def test_what_means_nothing_of_several_sessions_is_left_out(name: str) -> None:
    assert [each for each in samples(PeerMetrics.BY_TYPE, ESTABLISHED, ACTIVE) if each.name == name] == []


@pytest.mark.parametrize(("numbers", "expected"), [((0, 3, 2), 2), ((0, 0), 0), ((), 0)])
def test_lowest_is_that_of_those_that_are_not_zero(numbers: tuple[float, ...], expected: float) -> None:
    assert lowest(numbers) == expected


# ------------------------------------------------------------------------------------- counters never fall


def sent(sums: MonotonicSums, *peers: PeerStatus) -> float:
    return value(samples(PeerMetrics.BY_TYPE, *peers, sums=sums), "bgpctl_session_updates_sent_total", **MESH)


def counted(name: str, updates_out: int) -> PeerStatus:
    return replace(ORDINARY, name=name, updates_out=updates_out)


def test_a_session_that_leaves_the_plan_does_not_lower_a_sum() -> None:
    sums = MonotonicSums()
    assert sent(sums, counted("b", 10), counted("c", 5)) == 15
    assert sent(sums, counted("b", 12)) == 17


def test_a_session_that_comes_back_counts_from_the_beginning() -> None:
    sums = MonotonicSums()
    sent(sums, counted("b", 10), counted("c", 5))
    sent(sums, counted("b", 10))
    assert sent(sums, counted("b", 10), counted("c", 6)) == 21


def test_a_speaker_that_was_started_again_adds_to_the_sums() -> None:
    sums = MonotonicSums()
    assert sent(sums, counted("b", 10), counted("c", 5)) == 15
    assert sent(sums, counted("b", 1), counted("c", 2)) == 18


def test_while_the_speaker_is_away_the_sums_stand() -> None:
    sums = MonotonicSums()
    sent(sums, counted("b", 10))
    page = exposition(Snapshot(1000.0, AGENT), PeerMetrics.BY_TYPE, sums).decode()
    assert 'bgpctl_session_updates_sent_total{kind="mesh",session_type="ibgp"} 10.0' in page
    assert sent(sums, counted("b", 11)) == 11
