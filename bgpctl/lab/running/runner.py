"""Brings a lab up and takes it down.

The rule: `up` ends with the whole lab or with nothing. It marks before it makes (state.py), and undoes itself on an
error, Ctrl-C or SIGTERM; after a SIGKILL the next `up` or `down` clears what is left. Both hold the lab's lock.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass

from bgpctl.errors import NotReadyError
from bgpctl.lab.daemons import process_control
from bgpctl.lab.netns import namespaces
from bgpctl.lab.netns.progress import Progress, silent
from bgpctl.lab.netns.state import LabState, Record, digest_of
from bgpctl.lab.running import agents, building
from bgpctl.lab.running.interruption import signals_interrupt, signals_wait
from bgpctl.lab.running.lab_resources import LabResources
from bgpctl.lab.topology.topology import Node, Topology


@dataclass(frozen=True, slots=True)
class UpResult:
    """What `up` did. `built` is False when the lab was up already; `started` names the agents it started."""

    built: bool
    started: tuple[str, ...]
    seconds: float


def up(topology: Topology, agent_of: agents.AgentOf = agents.our_agent, progress: Progress = silent) -> UpResult:
    """Builds the lab, or starts what is missing in one that is up. Raises NotReadyError, or DocumentError for a
    line of the topology that the kernel refuses; then nothing of the lab is left."""
    _require_root()
    began = time.monotonic()
    state = LabState(topology.name)
    with signals_interrupt(), state.locked(create=True) as lock:
        if _is_up(state, topology):
            started = start_missing(state, topology, topology.nodes, agent_of, progress)
            return UpResult(False, started, time.monotonic() - began)
        try:
            building.clear(state, lock)
            state.write_record(_record(topology, complete=False))
            building.build(state, topology, lock, progress)
            started = start_missing(state, topology, topology.nodes, agent_of, progress)
            state.write_record(_record(topology, complete=True))
        except BaseException:
            with signals_wait():
                building.clear(state, lock)
                state.remove()
            raise
    return UpResult(True, started, time.monotonic() - began)


def start_missing(
    state: LabState,
    topology: Topology,
    nodes: Iterable[Node],
    agent_of: agents.AgentOf = agents.our_agent,
    progress: Progress = silent,
) -> tuple[str, ...]:
    """Agents and routing daemons of these nodes that do not run, all at once; returns the names of their nodes. They
    answer when it returns. Raises NotReadyError, or DocumentError for a command of `exec`."""
    alive = agents.running(state, topology.agents).keys() | process_control.complete(state, topology.daemons)
    missing = [node for node in nodes if node.name not in alive]
    missing = [LabResources.of(topology).read_by(node) for node in missing]
    daemons = [node for node in missing if node.role.runs_daemon]
    started = process_control.start(state, daemons)
    started_agents = agents.start(state, [node for node in missing if node.role.runs_agent], agent_of)
    process_control.wait_until_ready(state, daemons, started, progress)
    process_control.finish(state, topology, daemons)
    agents.wait_until_ready(state, started_agents, progress)
    return (*started, *started_agents)


def down(name: str) -> bool:
    """Removes every trace of the lab; False when there was none. Raises NotReadyError."""
    _require_root()
    state = LabState(name)
    if not state.exists():
        return False
    with signals_wait(), state.locked(create=False) as lock:
        building.clear(state, lock)
        state.remove()
    return True


def _require_root() -> None:
    if os.geteuid() != 0:
        raise NotReadyError("a lab needs root: it makes network namespaces")
    if shutil.which("ip") is None:
        raise NotReadyError("the command `ip` is missing; install the package iproute2")


def _is_up(state: LabState, topology: Topology) -> bool:
    record = state.record()
    if record is None or not record.complete or not all(map(namespaces.exists, state.marked().values())):
        return False
    if record.topology != str(topology.file.resolve()):
        raise NotReadyError(f"a lab named {topology.name} is up already, from {record.topology}")
    if record.digest != digest_of(topology.file):
        raise NotReadyError(
            f"{topology.file} has changed since its lab came up; run `bgpctl lab down {topology.file}` first"
        )
    return True


def _record(topology: Topology, *, complete: bool) -> Record:
    return Record(str(topology.file.resolve()), digest_of(topology.file), time.time(), complete)
