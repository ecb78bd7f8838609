"""Brings a lab up and takes it down.

The rule: `up` ends with the whole lab or with nothing. It marks before it makes (state.py), and undoes itself on an
error, Ctrl-C or SIGTERM; after a SIGKILL the next `up` or `down` clears what is left. Both hold the lab's lock.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import FrameType

from bgpctl.errors import NotReadyError
from bgpctl.lab.daemons import process_control
from bgpctl.lab.daemons.tools import waits_for_daemon
from bgpctl.lab.netns import batch, disks, links, namespaces, processes
from bgpctl.lab.netns.progress import Progress, silent
from bgpctl.lab.netns.state import LabState, Record, digest_of
from bgpctl.lab.running import agents
from bgpctl.lab.running.forked import reap_ended
from bgpctl.lab.running.lab_resources import LabResources
from bgpctl.lab.topology.topology import Node, Topology
from bgpctl.yaml_source.path import json_path

Handler = Callable[[int, FrameType | None], None] | signal.Handlers

_ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class UpResult:
    """What `up` did. `built` is False when the lab was up already; `started` names the agents it started."""

    built: bool
    started: tuple[str, ...]
    seconds: float


class Interrupted(BaseException):
    """A signal ended the work; everything has been undone."""

    def __init__(self, signal_number: int) -> None:
        self.signal_number = signal_number
        super().__init__(signal.Signals(signal_number).name)


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
            _clear(state, lock)
            _build(state, topology, lock, progress)
            started = start_missing(state, topology, topology.nodes, agent_of, progress)
            state.write_record(_record(topology, complete=True))
        except BaseException:
            with _signals_wait():
                _clear(state, lock)
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
    ours = agents.start(state, [node for node in missing if node.role.runs_agent], agent_of)
    process_control.wait_until_ready(state, daemons, started, progress)
    process_control.finish(state, topology, daemons)
    agents.wait_until_ready(state, ours, progress)
    return (*started, *ours)


def down(name: str) -> bool:
    """Removes every trace of the lab; False when there was none. Raises NotReadyError."""
    _require_root()
    state = LabState(name)
    if not state.exists():
        return False
    with _signals_wait(), state.locked(create=False) as lock:
        _clear(state, lock)
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


def _clear(state: LabState, lock: int) -> None:
    """Kills, then removes the namespaces, then their markers: stopped anywhere, it can be run again."""
    marked = state.marked()
    processes.kill_all(tuple(marked.values()))
    reap_ended()
    namespaces.remove(marked.values(), lock)
    disks.unmount_all(state)
    for node in marked:
        shutil.rmtree(state.node_directory(node))
    state.remove_shared()


def _build(state: LabState, topology: Topology, lock: int, progress: Progress) -> None:
    process_control.require_installed(topology.daemons)
    names = {node.name: state.namespace(node.name) for node in topology.nodes}
    for name in names.values():
        if namespaces.exists(name):
            raise NotReadyError(
                f"there is a network namespace {name} that this lab did not make; remove it or rename the lab"
            )
    state.write_record(_record(topology, complete=False))
    LabResources.of(topology).copy()
    for node in topology.nodes:
        disks.mount(state, node)
        state.mark(node.name)
    namespaces.create(names.values(), lock)
    # In every namespace before the next stage: an interface takes over the `default` sysctls when it is made, and a
    # link is made by one of its two ends.
    for name, stage in _STAGES.items():
        for done, node in enumerate(topology.nodes, start=1):
            with namespaces.inside(names[node.name]):
                stage(topology, node, batch.Workplace(str(topology.file), node.env))
            progress(name, done, len(topology.nodes))


def _set_sysctls(_topology: Topology, node: Node, place: batch.Workplace) -> None:
    for key, value in node.sysctls.items():
        batch.write_sysctl(key, value, place, node.line, json_path(("topology", "nodes", node.name, "sysctls")))


def _make_links(topology: Topology, node: Node, place: batch.Workplace) -> None:
    state = LabState(topology.name)
    batch.run_batch(links.creation(topology.links, node.name, state.namespace), place)


def _configure(topology: Topology, node: Node, place: batch.Workplace) -> None:
    state = LabState(topology.name)
    early = [command for command in node.exec if not waits_for_daemon(state, node, command)]
    batch.run_execs(early, place, links.configuration(topology.links, node.name, node.bridge))


_STAGES = {"sysctls": _set_sysctls, "links": _make_links, "addresses and commands": _configure}


@contextlib.contextmanager
def signals_interrupt() -> Iterator[None]:
    """SIGINT, SIGTERM and SIGHUP raise Interrupted, once: a second one would interrupt the undoing."""

    def interrupt(number: int, _frame: FrameType | None) -> None:
        for ending in _ENDING_SIGNALS:
            signal.signal(ending, signal.SIG_IGN)
        raise Interrupted(number)

    with _handlers(interrupt):
        yield


@contextlib.contextmanager
def _signals_wait() -> Iterator[None]:
    """The same signals are ignored: cleaning up takes a moment and is not worth leaving half done."""
    with _handlers(signal.SIG_IGN):
        yield


@contextlib.contextmanager
def _handlers(handler: Handler) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number in _ENDING_SIGNALS}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
