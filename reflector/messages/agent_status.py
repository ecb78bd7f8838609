"""What an agent answers: the state of itself and of its node."""

from __future__ import annotations

import msgspec

from reflector.messages.message import Message
from reflector.messages.outcomes import DrainStatus
from reflector.messages.sessions import DownSession, FlappingSession


class ProblemStatus(msgspec.Struct, frozen=True):
    """A problem of a resource.

    severity     `error` or `warning`
    file, line   where it is
    path         of the field, such as `$.spec.peerIP`
    message      one sentence
    """

    severity: str
    file: str
    line: int
    path: str
    message: str


class InvalidStatus(msgspec.Struct, frozen=True):
    """A resource that is not in force as it is written.

    resource     such as `BGPFilter/f`; "": it is not known which one it was meant to be
    file, line   where it is; line 0: the whole file
    in_force     what is instead: `last-good`, `first`, `sessions-wait`, `routes-wait`, `plan-waits` or `absent`
    sentence     the same for people
    """

    resource: str
    file: str
    line: int
    in_force: str
    sentence: str


class Histogram(msgspec.Struct, frozen=True):
    """How often something took how many seconds.

    bounds   upper bounds in seconds
    counts   one for each bound, and a last one beyond all of them
    total    seconds of all together
    """

    bounds: tuple[float, ...] = ()
    counts: tuple[int, ...] = (0,)
    total: float = 0.0


class HeldStatus(msgspec.Struct, frozen=True):
    """A loss that is held until somebody confirms it.

    kind       what would be lost
    sentence   the same for people
    causes     the objects of the resources that take it away, each with file, line and what of it does
    sessions   that stay, by name
    prefixes   that stay originated
    networks   whose kernel rules stay
    """

    kind: str
    sentence: str
    causes: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()


class AgentStatus(Message, frozen=True):
    """The agent of one node: its plan, its speaker and its FIB. Times of day are seconds since the epoch, 0: never.

    node                   its name
    version                of the agent
    pid, uptime            of the agent; seconds
    plan_generation        how many plans this agent has put in place
    plan_is_current        the plan in force is compiled from the resources as they are now
    last_compile_seconds   what the last compilation took
    problems               of the resources, as far as they concern this node
    findings               of the guardrails in the resources of the whole cluster
    examined_at            when the guardrails were last asked
    invalid                resources that are not in force as they are written, and what is instead
    compiled_at            when a compilation last succeeded
    applied_at             when a plan was last put in place
    suppressed             sessions that resources ask for and that cannot be set up, each with its reason
    missing                of these, those whose peer has no other session
    sessions_known         the speaker has answered how its sessions stand; without it the next four say nothing
    sessions_expected      sessions of the plan
    sessions_established   of these
    sessions_overdue       of these, down for longer than an attempt to set one up takes
    sessions_down          those that are not Established, the longest first, not more than a hundred
    sessions_flapping      those that went down three times in ten minutes, not more than a hundred
    held                   losses that are held; []: the plan in force is as the resources ask
    held_digest            names exactly these; "": nothing is held
    held_since             when the first of them was held
    speaker_pid            0: no speaker
    speaker_state          in words, for people
    speaker_restarts       how often it has ended unasked since the agent started
    speaker_failures       how often in a row it has ended soon after its start
    speaker_crash_loop     it has failed three times in a row or more
    speaker_pause          seconds from its last end to its next start; 0: no start is waited for
    speaker_last_line      the last line of its log before it ended unasked; "" once a new one has lasted
    fib_enabled            the agent programs kernel routes; without it all counts of the FIB are 0
    fib_desired            kernel routes that the plan and the Loc-RIB ask for
    fib_installed          desired routes that the kernel has exactly so
    fib_failed             desired routes that the kernel refused
    fib_foreign            desired routes whose key another program's route occupies
    fib_repairs            how often a route of ours that another program changed or deleted was put back
    fib_in_sync            the kernel was compared with the whole Loc-RIB
    fib_synced_at          when the kernel last was as desired after a change
    local_endpoints        interfaces of local workloads that the kernel has a host route to
    workload_routes        kernel routes to workloads of this node that are announced beside its blocks
    metrics_address        where /metrics is served; "": nowhere
    fib_unresolved         desired routes whose next hop the kernel has no way to
    fib_failures           sentences about desired routes that are not installed, the first of many
    detected_addresses     sentences on what stands in for an address that the Node does not set
    fib_shadowed           installed routes that lose to another program's route by its metric
    fib_unsafe             routes left out: they would take the way to this node's network, a peer or a next hop
    fib_notes              sentences about unsafe routes, and about installed ones that the kernel does not use
    fib_batches            from sending a batch of routes to the kernel to its last answer
    propagation            from reading an UPDATE to the kernel's answer to all that followed from it
    drain                  null: the node is in use
    retained_routes        kernel routes that are retained while other nodes are away
    retained_left          seconds until the last of them goes
    reflectors_down        no session to a reflector is Established
    retention              one sentence on what is retained; "": nothing
    internal_errors        exceptions that are a fault of bgpctl and did not end the agent, since it started
    events_dropped         occurrences that the limits of Events of a cluster have left out, since it started
    """

    node: str
    version: str
    pid: int
    uptime: float
    plan_generation: int
    plan_is_current: bool
    last_compile_seconds: float
    problems: tuple[ProblemStatus, ...] = ()
    compiled_at: float = 0.0
    applied_at: float = 0.0
    suppressed: tuple[str, ...] = ()
    speaker_pid: int = 0
    speaker_state: str = ""
    speaker_restarts: int = 0
    speaker_failures: int = 0
    speaker_crash_loop: bool = False
    speaker_pause: float = 0.0
    speaker_last_line: str = ""
    fib_enabled: bool = True
    fib_desired: int = 0
    fib_installed: int = 0
    fib_failed: int = 0
    fib_foreign: int = 0
    fib_repairs: int = 0
    fib_in_sync: bool = False
    fib_synced_at: float = 0.0
    local_endpoints: int = 0
    metrics_address: str = ""
    fib_unresolved: int = 0
    fib_failures: tuple[str, ...] = ()
    detected_addresses: tuple[str, ...] = ()
    fib_shadowed: int = 0
    fib_notes: tuple[str, ...] = ()
    fib_batches: Histogram = Histogram()
    propagation: Histogram = Histogram()
    drain: DrainStatus | None = None
    retained_routes: int = 0
    retained_left: float = 0.0
    reflectors_down: bool = False
    retention: str = ""
    internal_errors: int = 0
    events_dropped: int = 0
    workload_routes: int = 0
    fib_unsafe: int = 0
    findings: tuple[ProblemStatus, ...] = ()
    examined_at: float = 0.0
    held: tuple[HeldStatus, ...] = ()
    held_digest: str = ""
    held_since: float = 0.0
    missing: tuple[str, ...] = ()
    sessions_known: bool = False
    sessions_expected: int = 0
    sessions_established: int = 0
    sessions_overdue: int = 0
    sessions_down: tuple[DownSession, ...] = ()
    sessions_flapping: tuple[FlappingSession, ...] = ()
    invalid: tuple[InvalidStatus, ...] = ()


class NodeStatusReport(Message, frozen=True):
    """What a CalicoNodeStatus reports.

    status   its field `status`, as JSON text
    """

    status: bytes


class KernelRouteStatus(msgspec.Struct, frozen=True):
    """A route of the kernel.

    prefix     the destination
    text       where it leads, and whose it is
    foreign    another program's, or the kernel's own
    """

    prefix: str
    text: str
    foreign: bool


class KernelAnswer(Message, frozen=True):
    """What the kernel does.

    address   the first of the prefix that was asked for
    answer    the route that the kernel uses for it (`ip route get`), or why it drops what is for it
    routes    its routes around the prefix, the longest first, and then those to the prefix and inside it, 50 at most
    more      how many more there are
    """

    address: str
    answer: str
    routes: tuple[KernelRouteStatus, ...] = ()
    more: int = 0


class Confirmed(Message, frozen=True):
    """What was held under the digest is in place.

    losses   their sentences
    """

    losses: tuple[str, ...]
