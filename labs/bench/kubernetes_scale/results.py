"""What a run gives: seconds, MiB, shares of one core, counts."""

from __future__ import annotations

import msgspec

from labs.bench.kubernetes_scale.cost import Memory


class Machine(msgspec.Struct):
    """`load` is the load average when the run began and when it ended."""

    date: str
    cores: int
    model: str
    memory: int
    python: str
    load: tuple[float, float] = (0.0, 0.0)


class Start(msgspec.Struct):
    """A controller that has nothing yet: `seconds` from its process to the last NodePlan, of `plans`. `cpu` until then,
    in seconds."""

    seconds: float
    plans: int
    cpu: float
    memory: Memory


class Change(msgspec.Struct):
    """`seconds` from the request that makes the change to the last plan that differs, `cpu` the controller's for it;
    `differ` how many differ, `written` how many were written, `writes` with those that were written more than once.
    `is_exact`: those and no others."""

    seconds: float
    cpu: float
    differ: int
    written: int
    writes: int
    is_exact: bool


class Rest(msgspec.Struct):
    """Of the controller in `seconds` in which nothing changes, or nothing but heartbeats: its share of a core, the
    NodePlans that it wrote, what it asked of the API server, without its Lease."""

    seconds: float
    cpu: float
    writes: int
    requests: int
    memory: Memory


class Watcher(msgspec.Struct):
    """One process that follows everything and compiles its own node's plan. `seconds`, `octets`, `requests` and `cpu`
    until its first plan."""

    seconds: float
    octets: int
    requests: int
    cpu: float
    memory: Memory


class WatcherAtHeartbeats(msgspec.Struct):
    """The same process while heartbeats come: octets a second, share of a core."""

    octets: float
    cpu: float


class Heartbeats(msgspec.Struct):
    sent: int
    rest: Rest
    watcher: WatcherAtHeartbeats


class Restart(msgspec.Struct):
    """Agents that start at the same time: until the last has its plan; requests and octets each."""

    agents: int
    seconds: float
    requests: float
    octets: float


class AtRest(msgspec.Struct):
    """Of each agent, in a minute."""

    seconds: float
    requests: float
    octets: float


class WholeAgents(msgspec.Struct):
    """Agents with their speakers. `memory` of one with its speaker, `agent` without it, `pod` as the cgroup of both
    counts it; what a restart asks for until its status is written."""

    restart: Restart
    rest: AtRest
    memory: Memory
    agent: Memory
    pod: float


class Agents(msgspec.Struct):
    """`sources`: their way to the API server alone, many at once."""

    sources: Restart
    sources_at_rest: AtRest
    whole: WholeAgents


class Results(msgspec.Struct):
    machine: Machine
    nodes: int
    blocks: int
    start: Start
    rest: Rest | None = None
    changes: dict[str, list[Change]] = {}
    watcher: Watcher | None = None
    heartbeats: Heartbeats | None = None
    agents: Agents | None = None
    # Names of nodes whose NodePlan, at the end, is not what compiling the resources gives.
    wrong: tuple[str, ...] = ()
