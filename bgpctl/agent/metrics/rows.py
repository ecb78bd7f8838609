"""The metrics: a row for each, and nothing but rows.

`exposition.py` makes the page of them, `table.py` docs/metrics.md. A new metric is one more line in the table of its
subject: the agent, the speaker, a session.

No label is a prefix, and no label has more values than the code has, except for sessions: their series have the name
of the session and the address of the peer; the rest is in bgpctl_session_info, to be joined.
"""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Callable, Mapping

from bgpctl.agent.metrics.snapshot import Snapshot
from bgpctl.brake.losses import LossKind
from bgpctl.daemon.metrics.row import HistogramRow, InfoRow, LabelledRow, Row, lowest
from bgpctl.resources.in_force.outcome import Outcome
from reflector.messages import AgentStatus, PeerStatus

ESTABLISHED = "established"
# RFC 4271 8.2.2, in the order of their numbers in RFC 4273 (bgpPeerState), which begin at 1; every state is always
# reported, so that a sum over peers never lacks a series.
SESSION_STATES = ("idle", "connect", "active", "opensent", "openconfirm", ESTABLISHED)
SEVERITIES = ("error", "warning")
HELD_KINDS = tuple(kind.value for kind in LossKind)
OUTCOMES = tuple(outcome.value for outcome in Outcome)
NO_ERROR = "0/0"


def _state(peer: PeerStatus) -> str:
    return peer.state.lower()


def _state_number(peer: PeerStatus) -> float:
    return SESSION_STATES.index(_state(peer)) + 1


def _is_established(peer: PeerStatus) -> bool:
    return _state(peer) == ESTABLISHED


def _uptime(peer: PeerStatus) -> float:
    return peer.since if _is_established(peer) else 0


def _error(peer: PeerStatus, part: int) -> float:
    """The code (0) or subcode (1) of "6/2"."""
    return int((peer.last_error_code or NO_ERROR).split("/")[part])


def _severities(snapshot: Snapshot) -> Counter[str]:
    return Counter(problem.severity for problem in snapshot.agent.problems)


def _findings(snapshot: Snapshot) -> Counter[str]:
    return Counter(finding.severity for finding in snapshot.agent.findings)


def _held(snapshot: Snapshot) -> Counter[str]:
    return Counter(each.kind for each in snapshot.agent.held)


def _invalid(snapshot: Snapshot) -> Counter[str]:
    return Counter(each.in_force for each in snapshot.agent.invalid)


def _states(snapshot: Snapshot) -> Counter[str]:
    return Counter(_state(peer) for peer in snapshot.peers)


def _session_info(peer: PeerStatus) -> tuple[str, ...]:
    client = str(peer.rr_client).lower()
    return (str(peer.peer_as), peer.peer_node, peer.kind.value, peer.session_type.value, client)


BUILD: InfoRow[AgentStatus] = InfoRow(
    "build_info", "What runs here.", ("version", "python", "node"),
    lambda a: (a.version, platform.python_version(), a.node),
)  # fmt: skip

AGENT_ROWS: tuple[Row[AgentStatus], ...] = (
    Row("agent_uptime_seconds", "Time since the agent started.", lambda a: a.uptime),
    Row("agent_internal_errors_total", "Exceptions that are a fault of bgpctl and did not end the agent.",
        lambda a: a.internal_errors),
    Row("agent_events_dropped_total", "Occurrences that the limits of Events leave out (docs/events.md).",
        lambda a: a.events_dropped),
    Row("plan_generation", "Plans that this agent has put in place.", lambda a: a.plan_generation),
    Row("plan_current", "1 when the plan in place is that of the newest resources.", lambda a: a.plan_is_current),
    Row("compile_seconds", "How long the last compilation took.", lambda a: a.last_compile_seconds),
    Row("compile_last_success_timestamp_seconds", "When resources last made a plan.", lambda a: a.compiled_at),
    Row("apply_last_success_timestamp_seconds", "When a speaker last applied a plan.", lambda a: a.applied_at),
    Row("sessions_suppressed", "Sessions of resources that cannot be set up.", lambda a: len(a.suppressed)),
    Row("speaker_restarts_total", "Speakers that ended without a request.", lambda a: a.speaker_restarts),
    Row("speaker_failures_in_a_row", "Of these, without a run of a minute in between.", lambda a: a.speaker_failures),
    Row("speaker_crash_loop", "1 from the third failure in a row on, until a run of a minute.",
        lambda a: a.speaker_crash_loop),
    Row("speaker_backoff_seconds", "The pause before the next start, 0 when there is none.", lambda a: a.speaker_pause),
    Row("draining", "1 while this node is drained.", lambda a: a.drain is not None),
    Row("fib_enabled", "1 when this agent programs the kernel.", lambda a: a.fib_enabled),
    Row("fib_in_sync", "1 when the kernel was compared with the whole Loc-RIB.", lambda a: a.fib_in_sync),
    Row("fib_sync_last_success_timestamp_seconds", "When the kernel last had all desired routes after a change.",
        lambda a: a.fib_synced_at),
    Row("fib_routes_desired", "Desired routes.", lambda a: a.fib_desired),
    Row("fib_routes_installed", "Desired routes that the kernel has exactly so.", lambda a: a.fib_installed),
    Row("fib_routes_failed", "Routes that the kernel refuses.", lambda a: a.fib_failed),
    Row("fib_routes_foreign", "Routes whose prefix, table and metric a foreign route occupies.",
        lambda a: a.fib_foreign),
    Row("fib_routes_unresolved", "Routes whose next hop the kernel has no way to.", lambda a: a.fib_unresolved),
    Row("fib_routes_shadowed", "Routes that the kernel has and does not use: a foreign route has a lower metric.",
        lambda a: a.fib_shadowed),
    Row("fib_routes_unsafe", "Routes left out: they would take the way to the node's network, a peer or a next hop.",
        lambda a: a.fib_unsafe),
    Row("routes_retained", "Routes that outlive the sessions they came by.", lambda a: a.retained_routes),
    Row("retention_seconds_left", "Until the last of them is removed; 0 for none.", lambda a: a.retained_left),
    Row("reflectors_down", "1 when the sessions to all reflectors of this node are down.", lambda a: a.reflectors_down),
    Row("fib_repairs_total", "Routes of ours that another program changed or deleted, and that were put back.",
        lambda a: a.fib_repairs),
    Row("local_endpoints", "Interfaces of local workloads that the kernel has a host route to (see below).",
        lambda a: a.local_endpoints),
    Row("workload_routes", "Kernel routes to workloads of this node that are announced beside its blocks.",
        lambda a: a.workload_routes),
)  # fmt: skip

SESSION_ROWS: tuple[Row[PeerStatus], ...] = (
    Row("session_state", "1 idle, 2 connect, 3 active, 4 opensent, 5 openconfirm, 6 established (RFC 4273).",
        _state_number, fold=None),
    Row("session_established", "1 when the session is Established.", _is_established),
    Row("session_uptime_seconds", "Time since it was Established; 0 when it is not.", _uptime, fold=lowest),
    Row("session_flaps_total", "How often it left Established.", lambda p: p.flaps),
    Row("session_last_error_code", "Code of the NOTIFICATION that ended the last session (RFC 4271 4.5), 0 for none.",
        lambda p: _error(p, 0), fold=None),
    Row("session_last_error_subcode", "Its subcode.", lambda p: _error(p, 1), fold=None),
    Row("session_hold_time_seconds", "The hold time that was agreed on, 0 for none.",
        lambda p: p.hold_time, fold=lowest),
    Row("session_hold_left_seconds", "Until the hold timer expires if the peer sends nothing, 0 without hold time.",
        lambda p: p.hold_left, fold=lowest),
    Row("session_routes_received", "Routes in its Adj-RIB-In.", lambda p: p.received),
    Row("session_routes_accepted", "Routes that the import policy accepted.", lambda p: p.accepted),
    Row("session_routes_stale", "Routes that outlived their session (RFC 4724).", lambda p: p.stale),
    Row("session_routes_long_lived_stale", "Of these, past the restart time (RFC 9494).", lambda p: p.long_lived_stale),
    Row("session_routes_best", "Routes of this peer that the decision process selected.", lambda p: p.best),
    Row("session_routes_advertised", "Routes in its Adj-RIB-Out.", lambda p: p.advertised),
    Row("session_updates_received_total", "UPDATE messages received.", lambda p: p.updates_in),
    Row("session_updates_sent_total", "UPDATE messages sent.", lambda p: p.updates_out),
    Row("session_received_bytes_total", "Octets received.", lambda p: p.bytes_in),
    Row("session_sent_bytes_total", "Octets sent.", lambda p: p.bytes_out),
    Row("session_queued_bytes", "Octets that wait for the peer to read.", lambda p: p.queued),
    Row("session_prefix_warnings_total", "Times it came near or over its maximum.", lambda p: p.prefix_warnings),
    Row("session_prefixes_dropped_total", "Routes left out beyond its maximum.", lambda p: p.prefixes_dropped),
    Row("session_treated_as_withdrawn_total", "Malformed UPDATEs (RFC 7606).", lambda p: p.treated_as_withdrawn),
    Row("session_discarded_attributes_total", "Malformed attributes left out.", lambda p: p.attributes_discarded),
    Row("session_cut_offs_total", "Times it read too slowly and was sent only the newest state.", lambda p: p.cut_offs),
)  # fmt: skip

# Few series: a verdict or type that there is none of has none.
LABELLED_SESSION_ROWS: tuple[LabelledRow[PeerStatus], ...] = (
    LabelledRow("session_routes_not_accepted", "Routes received and not accepted.", "verdict",
                lambda p: p.not_accepted),
    LabelledRow("session_messages_received_total", "Messages received while Established, by type.", "type",
                lambda p: p.messages_in),
    LabelledRow("session_messages_sent_total", "Messages sent while Established, by type.", "type",
                lambda p: p.messages_out),
    LabelledRow("session_attempts_failed_total", "Attempts to set it up that failed, by the obstacle (sessions.md).",
                "obstacle", lambda p: p.attempts_failed),
)  # fmt: skip

# Only where each session has series of its own.
SESSION_INFO = InfoRow("session_info", "What a session is.", ("peer_as", "peer_node", "kind", "type", "rr_client"),
                       _session_info)  # fmt: skip
LAST_CHANGE: Row[tuple[Snapshot, PeerStatus]] = Row(
    "session_last_change_timestamp_seconds", "When its state changed last.",
    lambda of: of[0].taken_at - of[1].since, fold=max,
)  # fmt: skip

# Seconds; the histograms of the way from the wire to the kernel.
HISTOGRAM_ROWS: tuple[HistogramRow[AgentStatus], ...] = (
    HistogramRow("fib_batch_seconds", "From sending a batch of routes to the kernel to its last answer.",
                 lambda a: a.fib_batches),
    HistogramRow("propagation_seconds", "From reading an UPDATE to the kernel's answer to all that followed from it.",
                 lambda a: a.propagation),
)  # fmt: skip

# Names in Counters.totals that may fall as well as rise; every other one only grows.
SPEAKER_GAUGES = (
    ("prefixes", "loc_rib_prefixes", "Prefixes in the Loc-RIB, both families."),
    ("update_groups", "update_groups", "Groups of peers that are advertised the same octets."),
    ("log_octets", "update_log_bytes", "Octets kept for peers that have not read them yet."),
    ("slow_peers", "slow_peers", "Peers that read too slowly and are cut off from their update group's log now."),
    ("next_hops", "next_hops", "Next hops of learned routes that are looked up in the kernel."),
    ("next_hops_unresolvable", "next_hops_unresolvable", "Next hops that the kernel has no route to: unused routes."),
    ("kernel_unwatched", "kernel_unwatched", "1 if the kernel cannot be asked: every next hop counts as resolvable."),
)
SPEAKER_COUNTERS = (
    ("decision_changes", "decision_changes_total", "Prefixes for which the decision process chose another route."),
)
# The other totals: the events of speaker_events_total.
EVENTS = {
    "accepts_paused": "times no connection could be accepted for want of descriptors or memory, until a moment later",
    "answers_failed": "requests on the control socket that failed by a fault of the speaker; its log has the traceback",
    "control_clients_dropped": "readers of the control socket that were stuck",
    "refused_clients": "clients that were refused on the control socket: neither root nor the speaker's user",
    "journals_failed": "journals that could not be written",
    "kernel_overruns": "times the kernel's notifications were lost and its routes were read anew",
    "unknown_peers": "connections of unknown peers (no session of the plan has their address)",
}
# Sessions are counted by their state already, malformed UPDATEs by their session.
NOT_EVENTS = {total for total, _, _ in SPEAKER_GAUGES + SPEAKER_COUNTERS} | {
    "sessions", "sessions_established", "treated_as_withdrawn", "attributes_discarded",
}  # fmt: skip


def _total(name: str) -> Callable[[Snapshot], float]:
    return lambda snapshot: snapshot.counters.totals.get(name, 0) if snapshot.counters else 0


def _uptime_of_speaker(snapshot: Snapshot) -> float:
    return snapshot.counters.uptime if snapshot.counters else 0


def _lost(snapshot: Snapshot) -> Mapping[str, float]:
    return (snapshot.counters and snapshot.counters.lost) or {}


def _events(snapshot: Snapshot) -> Mapping[str, float]:
    totals = snapshot.counters.totals if snapshot.counters else {}
    return {event: totals[event] for event in totals.keys() - NOT_EVENTS}


SPEAKER_ROWS: tuple[Row[Snapshot], ...] = (
    Row("speaker_up", "1 when the speaker answers.", lambda s: s.counters is not None),
    Row("speaker_uptime_seconds", "Time since it started.", _uptime_of_speaker),
    *(Row(name, meaning, _total(total)) for total, name, meaning in SPEAKER_GAUGES + SPEAKER_COUNTERS),
)

LABELLED_ROWS: tuple[LabelledRow[Snapshot], ...] = (
    LabelledRow("problems", "Problems of the resources.", "severity", _severities, SEVERITIES),
    LabelledRow("findings", "Findings of the guardrails in the whole cluster's resources.", "severity", _findings,
                SEVERITIES),
    LabelledRow("invalid_resources", "Invalid resources, by what is in force instead (invalid-resources.md).",
                "in_force", _invalid, OUTCOMES),
    LabelledRow("held_changes", "Losses that are held until somebody confirms them (held-changes.md).", "kind", _held,
                HELD_KINDS),
    LabelledRow("sessions", "Sessions by their state (RFC 4271 8.2.2).", "state", _states, SESSION_STATES),
    LabelledRow("decision_routes_lost", "Routes that the decision process does not use, by the step they lost at.",
                "verdict", _lost),
    LabelledRow("speaker_events_total", "Events that the speaker has counted (see below).", "event", _events),
)  # fmt: skip
