"""/metrics, read back by the Prometheus client's own parser."""

from collections.abc import Mapping

import msgspec
import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from bgpctl.agent.metrics.exposition import exposition
from bgpctl.agent.metrics.snapshot import Snapshot
from reflector.messages import AgentStatus, Counters, Histogram, PeerStatus, ProblemStatus
from reflector.plan import SessionKind, SessionType

AGENT = AgentStatus(
    node="a",
    version="0.1.0",
    pid=1,
    uptime=60.0,
    plan_generation=3,
    plan_is_current=True,
    last_compile_seconds=0.02,
    suppressed=("x: why",),
    speaker_restarts=2,
    fib_desired=10,
    fib_installed=9,
    fib_failed=1,
    fib_foreign=0,
    fib_repairs=4,
    fib_in_sync=True,
    fib_batches=Histogram((0.001, 0.01), (2, 3, 1), 0.5),
    propagation=Histogram((0.001, 0.01), (0, 4, 0), 0.02),
    speaker_failures=3,
    speaker_crash_loop=True,
    speaker_pause=0.8,
    compiled_at=901.0,
    applied_at=902.0,
    fib_synced_at=903.0,
    local_endpoints=7,
)
ESTABLISHED = PeerStatus(
    name="mesh-b",
    peer_address="10.0.0.2",
    peer_as=64512,
    local_address="10.0.0.1",
    kind=SessionKind.MESH,
    session_type=SessionType.IBGP,
    rr_client=False,
    state="Established",
    since=30.0,
    peer_node="b",
    flaps=1,
    received=7,
    accepted=6,
    best=5,
    advertised=4,
    updates_in=11,
    updates_out=12,
    bytes_in=1300,
    bytes_out=1400,
    queued=15,
    not_accepted={"as-loop": 2},
    messages_in={"UPDATE": 11, "KEEPALIVE": 3},
    messages_out={"UPDATE": 12, "ROUTE-REFRESH": 0},
    treated_as_withdrawn=16,
    attributes_discarded=17,
    last_error_code="6/2",
    hold_time=240,
    hold_left=200.0,
)
ACTIVE = msgspec.structs.replace(
    ESTABLISHED,
    name="mesh-c",
    peer_address="fd00::3",
    state="Active",
    since=2.0,
    last_error_code="",
    hold_time=0,
    hold_left=0.0,
)
SNAPSHOT = Snapshot(
    1000.0,
    AGENT,
    (ESTABLISHED, ACTIVE),
    Counters({"decision_changes": 5, "prefixes": 8, "sessions": 2, "unknown_peers": 6}, uptime=40.0),
)


def families(snapshot: Snapshot) -> dict[str, Metric]:
    return {family.name: family for family in text_string_to_metric_families(exposition(snapshot).decode())}


def value(snapshot: Snapshot, sample_name: str, **labels: str) -> float:
    samples = [sample for family in families(snapshot).values() for sample in family.samples]
    (found,) = [each.value for each in samples if each.name == sample_name and _has(each.labels, labels)]
    return float(found)


def _has(labels: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    return wanted.items() <= labels.items()


def test_every_name_has_the_prefix_and_only_counters_end_in_total() -> None:
    for family in families(SNAPSHOT).values():
        assert family.name.startswith("bgpctl_")
        for sample in family.samples:
            assert sample.name.endswith("_total") == (family.type == "counter"), sample.name


def test_every_family_says_what_it_is() -> None:
    assert [family.name for family in families(SNAPSHOT).values() if not family.documentation] == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("bgpctl_session_established", 1),
        ("bgpctl_session_uptime_seconds", 30),
        ("bgpctl_session_last_change_timestamp_seconds", 970),
        ("bgpctl_session_flaps_total", 1),
        ("bgpctl_session_routes_received", 7),
        ("bgpctl_session_routes_accepted", 6),
        ("bgpctl_session_routes_best", 5),
        ("bgpctl_session_routes_advertised", 4),
        ("bgpctl_session_updates_received_total", 11),
        ("bgpctl_session_updates_sent_total", 12),
        ("bgpctl_session_received_bytes_total", 1300),
        ("bgpctl_session_sent_bytes_total", 1400),
        ("bgpctl_session_queued_bytes", 15),
        ("bgpctl_session_treated_as_withdrawn_total", 16),
        ("bgpctl_session_discarded_attributes_total", 17),
        ("bgpctl_session_state", 6),
        ("bgpctl_session_last_error_code", 6),
        ("bgpctl_session_last_error_subcode", 2),
        ("bgpctl_session_hold_time_seconds", 240),
        ("bgpctl_session_hold_left_seconds", 200),
    ],
)
def test_a_session_is_counted(name: str, expected: float) -> None:
    assert value(SNAPSHOT, name, session="mesh-b", peer="10.0.0.2") == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("bgpctl_plan_generation", 3),
        ("bgpctl_plan_current", 1),
        ("bgpctl_compile_seconds", 0.02),
        ("bgpctl_sessions_suppressed", 1),
        ("bgpctl_speaker_up", 1),
        ("bgpctl_speaker_uptime_seconds", 40),
        ("bgpctl_speaker_restarts_total", 2),
        ("bgpctl_fib_routes_desired", 10),
        ("bgpctl_fib_routes_installed", 9),
        ("bgpctl_fib_routes_failed", 1),
        ("bgpctl_fib_routes_foreign", 0),
        ("bgpctl_fib_repairs_total", 4),
        ("bgpctl_fib_in_sync", 1),
        ("bgpctl_compile_last_success_timestamp_seconds", 901),
        ("bgpctl_apply_last_success_timestamp_seconds", 902),
        ("bgpctl_fib_sync_last_success_timestamp_seconds", 903),
        ("bgpctl_speaker_failures_in_a_row", 3),
        ("bgpctl_speaker_crash_loop", 1),
        ("bgpctl_speaker_backoff_seconds", 0.8),
        ("bgpctl_local_endpoints", 7),
        ("bgpctl_decision_changes_total", 5),
    ],
)
def test_the_agent_is_counted(name: str, expected: float) -> None:
    assert value(SNAPSHOT, name) == expected


@pytest.mark.parametrize(
    ("name", "label", "expected"),
    [
        ("bgpctl_session_routes_not_accepted", {"verdict": "as-loop"}, 2),
        ("bgpctl_session_messages_received_total", {"type": "KEEPALIVE"}, 3),
        ("bgpctl_session_messages_sent_total", {"type": "UPDATE"}, 12),
    ],
)
def test_a_session_is_counted_by_label(name: str, label: dict[str, str], expected: float) -> None:
    assert value(SNAPSHOT, name, session="mesh-b", peer="10.0.0.2", **label) == expected


def test_what_lost_is_counted_by_the_step_it_lost_at() -> None:
    counters = Counters({}, uptime=1.0, lost={"lost-local-pref": 4})
    snapshot = Snapshot(1000.0, AGENT, (), counters)
    assert value(snapshot, "bgpctl_decision_routes_lost", verdict="lost-local-pref") == 4


def test_a_session_that_no_notification_ended_has_no_error() -> None:
    codes = [value(SNAPSHOT, f"bgpctl_session_last_error_{part}", session="mesh-c") for part in ("code", "subcode")]
    assert codes == [0, 0]


@pytest.mark.parametrize(
    ("state", "number"),
    [("Idle", 1), ("Connect", 2), ("Active", 3), ("Opensent", 4), ("Openconfirm", 5), ("Established", 6)],
)
def test_a_state_has_the_number_of_the_mib(state: str, number: int) -> None:
    """RFC 4273 4, bgpPeerState."""
    snapshot = Snapshot(1000.0, AGENT, (msgspec.structs.replace(ESTABLISHED, state=state),))
    assert value(snapshot, "bgpctl_session_state") == number


def test_a_session_that_is_not_established_has_no_uptime() -> None:
    assert value(SNAPSHOT, "bgpctl_session_uptime_seconds", session="mesh-c") == 0


@pytest.mark.parametrize(("state", "count"), [("established", 1), ("active", 1), ("idle", 0), ("opensent", 0)])
def test_every_state_has_its_count_of_sessions(state: str, count: int) -> None:
    assert value(SNAPSHOT, "bgpctl_sessions", state=state) == count


def test_what_is_known_of_a_session_can_be_joined() -> None:
    labels = {"session": "mesh-b", "peer_as": "64512", "peer_node": "b", "kind": "mesh", "type": "ibgp"}
    assert value(SNAPSHOT, "bgpctl_session_info", **labels) == 1


def test_what_the_speaker_counted_is_passed_on() -> None:
    assert value(SNAPSHOT, "bgpctl_speaker_events_total", event="unknown_peers") == 6


def test_what_may_fall_as_well_as_rise_is_no_counter() -> None:
    assert value(SNAPSHOT, "bgpctl_loc_rib_prefixes") == 8
    events = [sample.labels["event"] for sample in families(SNAPSHOT)["bgpctl_speaker_events"].samples]
    assert events == ["unknown_peers"]


def test_problems_are_counted_by_severity() -> None:
    problem = ProblemStatus("error", "peers.yaml", 3, "$.spec.peerIP", "not an address")
    agent = msgspec.structs.replace(AGENT, plan_is_current=False, problems=(problem, problem))
    snapshot = Snapshot(1000.0, agent)
    counts = [value(snapshot, "bgpctl_problems", severity=severity) for severity in ("error", "warning")]
    assert (counts, value(snapshot, "bgpctl_plan_current")) == ([2, 0], 0)


def test_a_speaker_that_does_not_answer_is_down_and_the_rest_is_told() -> None:
    snapshot = Snapshot(1000.0, AGENT)
    assert value(snapshot, "bgpctl_speaker_up") == 0
    assert value(snapshot, "bgpctl_plan_generation") == 3


def test_labels_are_escaped() -> None:
    odd = msgspec.structs.replace(ESTABLISHED, peer_node='a"b\\c\n')
    assert value(Snapshot(1000.0, AGENT, (odd,)), "bgpctl_session_info", peer_node='a"b\\c\n') == 1


@pytest.mark.parametrize(
    ("name", "buckets", "total"),
    [
        ("bgpctl_fib_batch_seconds", {"0.001": 2, "0.01": 5, "+Inf": 6}, 0.5),
        ("bgpctl_propagation_seconds", {"0.001": 0, "0.01": 4, "+Inf": 4}, 0.02),
    ],
)
def test_a_histogram_is_cumulative(name: str, buckets: dict[str, int], total: float) -> None:
    samples = families(SNAPSHOT)[name].samples
    counted = {each.labels["le"]: each.value for each in samples if each.name.endswith("_bucket")}
    assert counted == buckets
    assert value(SNAPSHOT, f"{name}_sum") == total
    assert value(SNAPSHOT, f"{name}_count") == buckets["+Inf"]
