"""The agents of a lab: one `bgpctl agent` in the namespace of every node whose role asks for it.

They are daemons: they live until `down` kills everything in their namespaces. An agent is *running* when the
process that agent.pid names is alive in its namespace, *ready* when it and its speaker answer on their sockets.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from bgpctl.agent import AgentOptions
from bgpctl.agent.host.run_directory import AGENT_PID_FILE, AGENT_SOCKET, SPEAKER_SOCKET
from bgpctl.configuration.compile_options import CompileOptions
from bgpctl.daemon.log_format import LogFormat
from bgpctl.errors import NotReadyError
from bgpctl.lab.netns import namespaces, processes
from bgpctl.lab.netns.progress import Progress, silent
from bgpctl.lab.netns.state import LabState
from bgpctl.lab.running.forked import Forked
from bgpctl.lab.running.warm_start import fork_agent, import_agent
from bgpctl.lab.topology.roles import Role
from bgpctl.lab.topology.topology import Node
from reflector.control.client import ControlClient, ControlError
from reflector.messages import ShowAgent, ShowCounters

AGENT_LOG = "agent.log"
CALICO = "calico"
_READY_WITHIN = 60.0
_POLL = 0.05
_NOT_READY_STATUS = 2

# Node and its run directory -> its agent: of this installation, or a command in its place.
AgentOf = Callable[[Node, Path], AgentOptions | Sequence[str]]
Started = dict[str, "Forked | subprocess.Popen[bytes]"]


def our_agent(node: Node, directory: Path) -> AgentOptions:
    """The agent of this installation. There is no Felix in a lab: the agent programs VXLAN, and what Felix reports
    of workloads is in the node's directory, if the lab writes it."""
    assert node.resources is not None  # noqa: S101  the topology has complained otherwise
    return AgentOptions(
        node=node.name,
        resources=node.resources,
        run_dir=directory,
        no_fib=node.role is Role.REFLECTOR,
        compile_options=CompileOptions(without_felix=True),
        log_format=LogFormat.CONSOLE,
        endpoint_status=directory / CALICO,
    )


def start(state: LabState, nodes: Iterable[Node], agent_of: AgentOf = our_agent) -> Started:
    """Starts the agents; their output goes to agent.log in their run directories."""
    started: Started = {}
    for node in nodes:
        directory = state.node_directory(node.name)
        agent, log = agent_of(node, directory), directory / AGENT_LOG
        if isinstance(agent, AgentOptions):
            import_agent()
        with namespaces.inside(state.namespace(node.name)):
            if isinstance(agent, AgentOptions):
                started[node.name] = fork_agent(agent, log, node.env)
            else:
                started[node.name] = processes.start_daemon(agent, log, node.env)
    return started


def running(state: LabState, nodes: Iterable[Node]) -> dict[str, int]:
    """Process ids by node name of the agents that are alive."""
    pids = processes.running_in(state.namespace(node.name) for node in nodes)
    found = {}
    for node in nodes:
        pid = _recorded_pid(state.node_directory(node.name))
        if pid in pids.get(state.namespace(node.name), ()):
            found[node.name] = pid
    return found


def _recorded_pid(directory: Path) -> int:
    """0 when no agent has written its number."""
    try:
        text = (directory / AGENT_PID_FILE).read_text().strip()
    except FileNotFoundError:
        return 0
    return int(text) if text.isdecimal() else 0


def wait_until_ready(state: LabState, started: Started, progress: Progress = silent) -> None:
    """Returns when every started agent is ready. Raises NotReadyError with the last line of the log of one that has
    ended, or when one is not ready in time."""
    deadline = time.monotonic() + _READY_WITHIN
    waiting = dict(started)
    while waiting:
        for name, process in tuple(waiting.items()):
            directory = state.node_directory(name)
            if is_ready(directory):
                del waiting[name]
                progress("agents", len(started) - len(waiting), len(started))
            elif (status := process.poll()) is not None:
                raise NotReadyError(_why_it_ended(name, status, directory / AGENT_LOG))
        if not waiting:
            return
        if time.monotonic() > deadline:
            raise NotReadyError(f"after {_READY_WITHIN:g} s these agents do not answer: {', '.join(waiting)}")
        time.sleep(_POLL)


def is_ready(directory: Path) -> bool:
    """The agent answers, and so does its speaker, unless the agent has no good resources to start one with."""
    try:
        with ControlClient(directory / AGENT_SOCKET) as agent:
            status = agent.ask(ShowAgent())
        if any(problem.severity == "error" for problem in status.problems):
            return True
        with ControlClient(directory / SPEAKER_SOCKET) as speaker:
            speaker.ask(ShowCounters())
    except ControlError:
        return False
    return True


def _why_it_ended(name: str, status: int, log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    last = lines[-1] if lines else "its log is empty"
    if status == _NOT_READY_STATUS:
        return f"the agent of {name} cannot start: {last.removeprefix('bgpctl: ')}"
    return f"the agent of {name} ended with status {status}: {last}"
