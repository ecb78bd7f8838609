"""What an agent says of itself and of its node."""

from __future__ import annotations

import msgspec

from reflector.messages.message import Message
from reflector.messages.outcomes import DrainStatus


class ProblemStatus(msgspec.Struct, frozen=True):
    severity: str
    file: str
    line: int
    path: str
    message: str


class Histogram(msgspec.Struct, frozen=True):
    """How often something took how many seconds: `counts` by upper bound, the last one beyond all bounds."""

    bounds: tuple[float, ...] = ()
    counts: tuple[int, ...] = (0,)
    total: float = 0.0


class AgentStatus(Message, frozen=True):
    """The agent on one node: its plan, its speaker and its FIB. `fib_troubles` are sentences, the first of many;
    so are `fib_notes`, about routes that the kernel has and does not use;
    `detected_addresses` say what stands in for an address that the Node does not say.

    speaker_failures         how often in a row it ended soon after its start; speaker_crash_loop: too often
    speaker_pause            seconds from its last end to the next start, 0 when none is waited for
    speaker_said             its last line before it ended unasked, "" once a new one has lasted
    compiled_at, applied_at, fib_synced_at   when that last succeeded, in seconds since the epoch; 0 = never
    retention                who is away and how many routes outlive that, for `retained_left` seconds; "": all is fresh
    local_endpoints          interfaces of local workloads that the kernel has a host route to
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
    held: tuple[str, ...] = ()
    speaker_pid: int = 0
    speaker_state: str = ""
    speaker_restarts: int = 0
    speaker_failures: int = 0
    speaker_crash_loop: bool = False
    speaker_pause: float = 0.0
    speaker_said: str = ""
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
    fib_troubles: tuple[str, ...] = ()
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
    """`status` is the status of a CalicoNodeStatus as JSON."""

    status: bytes
