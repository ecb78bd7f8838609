"""Starts the routing daemons of a lab, waits for them, knows which are running.

They are daemons like our agents: they live until `down` kills everything in their namespaces. A daemon of several
programs is *running* when all of them are, and *complete* when it has its whole configuration and the commands of its
node, too: one that is not, because a part has died or `up` was interrupted, is ended and started as a whole.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Collection, Iterable
from pathlib import Path

from bgpctl.errors import NotReadyError
from bgpctl.lab.daemons.table import DAEMONS, place_of
from bgpctl.lab.daemons.tools import environment, waits_for_daemon, write_tools
from bgpctl.lab.netns import batch, namespaces, processes
from bgpctl.lab.netns.progress import Progress
from bgpctl.lab.netns.state import LabState
from bgpctl.lab.topology.topology import Node, Topology

_READY_WITHIN = 60.0
_POLL = 0.05
_LAST_LINES = 3
# In a node's directory: its daemon is complete, if it runs.
_COMPLETE = "complete"

# Node name -> its processes by program.
Started = dict[str, dict[str, "subprocess.Popen[bytes]"]]


def require_installed(nodes: Iterable[Node]) -> None:
    """Raises NotReadyError naming the package of the first daemon that is not there."""
    for node in nodes:
        daemon = DAEMONS[node.role]
        for program in daemon.needs:
            if shutil.which(program) is None:
                raise NotReadyError(
                    f"the node {node.name} runs {node.role}, but {program} is missing; install the package "
                    f"{daemon.package}"
                )


def start(state: LabState, nodes: Iterable[Node]) -> Started:
    """Starts every program of the nodes' daemons; each has its log in the node's directory."""
    started: Started = {}
    for node in nodes:
        daemon, place = DAEMONS[node.role], place_of(state, node)
        _end(state, node)
        daemon.prepare(place)
        write_tools(state, node)
        started[node.name] = {}
        with namespaces.inside(state.namespace(node.name)):
            for name, command in daemon.programs(place).items():
                log = place.directory / f"{name}.log"
                process = processes.start_daemon(command, log, node.env)
                _pid_file(place.directory, name).write_text(str(process.pid))
                started[node.name][name] = process
    return started


def running(state: LabState, nodes: Iterable[Node]) -> dict[str, list[int]]:
    """Process ids by node name of the daemons of which every program is alive."""
    found = {}
    alive = processes.running_in(state.namespace(node.name) for node in nodes)
    for node in nodes:
        pids = _recorded(state, node)
        if pids and set(pids) <= set(alive.get(state.namespace(node.name), ())):
            found[node.name] = pids
    return found


def complete(state: LabState, nodes: Iterable[Node]) -> set[str]:
    """The names of the nodes whose daemons are complete."""
    return {name for name in running(state, nodes) if (state.node_directory(name) / _COMPLETE).exists()}


def is_ready(state: LabState, node: Node) -> bool:
    return DAEMONS[node.role].is_ready(place_of(state, node))


def wait_until_ready(state: LabState, nodes: Collection[Node], started: Started, progress: Progress) -> None:
    """Returns when every started daemon answers and has its whole configuration. Raises NotReadyError with the last
    lines of the log of one that has ended, or when one is not ready in time or refuses its configuration."""
    deadline = time.monotonic() + _READY_WITHIN
    waiting = {node.name: node for node in nodes if node.name in started}
    total = len(waiting)
    while waiting:
        for name, node in tuple(waiting.items()):
            if is_ready(state, node):
                _configure(state, node)
                del waiting[name]
                progress("routing daemons", total - len(waiting), total)
            else:
                _require_alive(state, node, started[name])
        if waiting:
            if time.monotonic() > deadline:
                raise NotReadyError(f"after {_READY_WITHIN:g} s these daemons do not answer: {', '.join(waiting)}")
            time.sleep(_POLL)


def finish(state: LabState, topology: Topology, nodes: Iterable[Node]) -> None:
    """Runs those commands of a node's `exec` that talk to its daemon; then it is complete. Raises DocumentError."""
    for node in nodes:
        late = [command for command in node.exec if waits_for_daemon(state, node, command)]
        with namespaces.inside(state.namespace(node.name)):
            batch.run_execs(late, batch.Workplace(str(topology.file), environment(state, node)), [])
        (state.node_directory(node.name) / _COMPLETE).touch()


def _configure(state: LabState, node: Node) -> None:
    wrong = DAEMONS[node.role].configure(place_of(state, node))
    if wrong:
        raise NotReadyError(f"{node.role} of {node.name} refuses {node.configuration}: {wrong}")


def _require_alive(state: LabState, node: Node, programs: dict[str, subprocess.Popen[bytes]]) -> None:
    for name, process in programs.items():
        status = process.poll()
        if status is not None:
            last = _last_lines(state.node_directory(node.name) / f"{name}.log")
            raise NotReadyError(f"{name} of {node.name} ended with status {status}: {last}")


def _last_lines(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return "; ".join(lines[-_LAST_LINES:]) or "its log is empty"


def _pid_file(directory: Path, program: str) -> Path:
    return directory / f"{program}.pid"


def _recorded(state: LabState, node: Node) -> list[int]:
    """Empty unless all its programs have been started once."""
    place = place_of(state, node)
    files = [_pid_file(place.directory, name) for name in DAEMONS[node.role].programs(place)]
    return [int(file.read_text()) for file in files] if all(file.exists() for file in files) else []


def _end(state: LabState, node: Node) -> None:
    """Ends what is left of the daemon: a part of it would keep the whole from starting. Each program leads a process
    group of its own (processes.start_daemon), to which its children belong."""
    directory = state.node_directory(node.name)
    (directory / _COMPLETE).unlink(missing_ok=True)
    files = list(directory.glob("*.pid"))
    if not files:
        return
    groups = {int(file.read_text()) for file in files}
    namespace = state.namespace(node.name)
    while left := [pid for pid in processes.running_in([namespace]).get(namespace, ()) if _group(pid) in groups]:
        for pid in left:
            processes.kill(pid, [namespace])
        time.sleep(_POLL)
    for file in files:
        file.unlink()


def _group(pid: int) -> int:
    """0 for a process that has ended meanwhile."""
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return 0
