"""What an agent answers: the state of itself and of its node."""

from __future__ import annotations

import msgspec

from reflector.messages.message import Message
from reflector.messages.outcomes import DrainStatus


class ProblemStatus(msgspec.Struct, frozen=True):
    """A problem of a resource: where it is, and a sentence. `path` is a JSONPath such as `$.spec.peerIP`."""

    severity: str
    file: str
    line: int
    path: str
    message: str


class Histogram(msgspec.Struct, frozen=True):
    """How often something took how many seconds.

    bounds   upper bounds in seconds
    counts   one for each bound, and a last one beyond all of them
    total    seconds of all together
    """

    bounds: tuple[float, ...] = ()
    counts: tuple[int, ...] = (0,)
    total: float = 0.0


class AgentStatus(Message, frozen=True):
    """The agent of one node: its plan, its speaker and its FIB. Times of day are seconds since the epoch, 0: never.

    uptime                of the agent, in seconds
    plan_generation       counts the plans that this agent has put in place
    plan_is_current       the plan in force is compiled from the resources as they are now
    last_compile_seconds  what the last compilation took
    compiled_at           when a compilation last succeeded; likewise applied_at, fib_synced_at
    held                  sessions that are asked for and cannot be set up, each with its reason
    speaker_pid           0: no speaker
    speaker_restarts      how often it has ended unasked since the agent started
    speaker_failures      how often in a row it has ended soon after its start
    speaker_crash_loop    that is too often
    speaker_pause         seconds from its last end to its next start; 0: no start is waited for
    speaker_last_line     the last line of its log before it ended unasked; "" once a new one has lasted
    fib_desired           kernel routes that the plan and the Loc-RIB ask for
    fib_installed         of these, those that the kernel has exactly so
    fib_failed            of these, those that the kernel refused
    fib_unresolved        of these, those whose next hop the kernel has no way to
    fib_foreign           routes of other programs that occupy the key of one of ours
    fib_shadowed          routes of ours that lose to another program's by its metric
    fib_repairs           how often a route of ours that somebody changed or deleted was put back
    fib_in_sync           the kernel has what is desired
    fib_failures          sentences about routes that are not installed, the first of many
    fib_notes             sentences about routes that are installed and not used
    fib_batches           from sending a batch of routes to the kernel to its last answer
    propagation           from reading an UPDATE to the kernel's answer to all that followed from it
    local_endpoints       interfaces of local workloads that the kernel has a host route to
    metrics_address       where /metrics is served; "": nowhere
    detected_addresses    sentences on what stands in for an address that the Node does not set
    drain                 null: the node is in use
    retained_routes       kernel routes to nodes whose sessions are down
    retained_left         for so many seconds
    retention             one sentence on what is retained; "": nothing
    reflectors_down       no session to a reflector is Established
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


class NodeStatusReport(Message, frozen=True):
    """`status` is the status of a CalicoNodeStatus, as JSON text."""

    status: bytes
