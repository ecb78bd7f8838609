"""A lab whose agents have their NodePlans from the API server, each with a token of its own, and nothing else."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import controllers
from segment import eventually

from bgpctl.agent.host.run_directory import our_files
from bgpctl.lab.actions import cables
from bgpctl.lab.actions.action import RunningLab
from bgpctl.lab.actions.processes import PowerOff
from bgpctl.lab.netns.state import LabState
from bgpctl.lab.running import agents, runner
from bgpctl.lab.running.agents import CALICO
from bgpctl.lab.topology.roles import Role
from bgpctl.lab.topology.topology import Node, Topology
from bgpctl.lab.topology.topology_file import read_topology
from labs.bench.kubernetes import calico_crds, controller_process
from labs.bench.kubernetes.api_server import ApiServer
from labs.bench.kubernetes.controller_process import ControllerProcess
from labs.bench.kubernetes.relay import Relay
from reflector.control.client import ControlClient
from reflector.messages import AgentStatus, Peers, PeerStatus, ShowAgent, ShowPeers

AGENT = "bgpctl-agent"
ESTABLISHED = "Established"


@dataclass
class ClusterLab:
    """The lab while it is up. `relay` is how its nodes reach the API server; `environments` is what the agents of some
    nodes have besides ours, from their next start."""

    server: ApiServer
    controller: ControllerProcess
    topology: Topology
    path: Path
    relay: Relay
    environments: dict[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def state(self) -> LabState:
        return LabState(self.topology.name)

    def namespace(self, node: str) -> str:
        return self.state.namespace(node)

    def up(self) -> None:
        """Starts what does not run."""
        runner.up(self.topology, self.agent_of)

    def agent_of(self, node: Node, directory: Path) -> list[str]:
        """Its command; by now its namespace is there."""
        self.relay.add(self.namespace(node.name))
        kubeconfig = self.path / f"{node.name}.kubeconfig"
        if not kubeconfig.exists():
            token = self.server.token(AGENT, controller_process.SYSTEM)
            kubeconfig.write_bytes(self.server.token_kubeconfig(token).read_bytes())
        options: dict[str, object] = {
            "node": node.name,
            "kubeconfig": kubeconfig,
            "run-dir": directory,
            "state-dir": self.path / "state",
            "endpoint-status": directory / CALICO,
        }
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        reflects = ["--no-fib"] if node.role is Role.REFLECTOR else []
        environment = [f"{name}={value}" for name, value in self.environments.get(node.name, {}).items()]
        return ["env", *environment, str(controller_process.BGPCTL), "agent", *words, *reflects]

    def end_agent_and_speaker(self, node: str) -> None:
        """As a machine that loses its power: no peer gets a NOTIFICATION."""
        speaker = int((self.state.node_directory(node) / "speaker.pid").read_text())
        for pid in (agents.running(self.state, self.topology.agents)[node], speaker):
            os.kill(pid, signal.SIGKILL)
        eventually(
            lambda: node not in agents.running(self.state, self.topology.agents), f"the agent of {node} has ended"
        )

    def power_off(self, node: str) -> None:
        """Its links, processes and what we have put into its kernel are gone, and so is what was in its /run."""
        with self._to_act_on() as lab:
            PowerOff(node).do(lab)
        for each in our_files(self.state.node_directory(node)):
            each.unlink()

    def power_on(self, node: str) -> None:
        """Its links have their addresses; agent and speaker answer when this returns."""
        with self._to_act_on() as lab:
            for end in cables.ends_of(self.topology, node):
                cables.bring_up(lab, end)
        self.up()

    @contextmanager
    def _to_act_on(self) -> Iterator[RunningLab]:
        with self.state.locked(create=False) as lock:
            yield RunningLab(self.topology, self.topology.file.parent, lock)

    def status(self, node: str) -> AgentStatus:
        with ControlClient(self.state.node_directory(node) / "agent.sock") as client:
            return client.ask(ShowAgent())

    def peers(self, node: str) -> tuple[PeerStatus, ...]:
        with ControlClient(self.state.node_directory(node) / "speaker.sock") as client:
            found = client.ask(ShowPeers())
        assert isinstance(found, Peers)
        return found.peers

    def log(self, node: str) -> str:
        return (self.state.node_directory(node) / "agent.log").read_text()

    def node_plan(self, node: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(calico_crds.run(self.server, "get", "nodeplan", node, "--output=json"))
        return found

    def is_as_expected(self) -> None:
        """What the lab expects of sessions, routes and pings; raises with what is not so."""
        command = [str(controller_process.BGPCTL), "lab", "test", "--no-events", str(self.topology.file)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def until_all_established(self, within: float = 60) -> None:
        names = [node.name for node in self.topology.agents]

        def holds() -> bool:
            return all(peers and all(each.state == ESTABLISHED for each in peers) for peers in map(self.peers, names))

        eventually(holds, f"all sessions of {self.topology.name} are Established", within=within)


@contextmanager
def cluster_lab(server: ApiServer, controller: ControllerProcess, name: str, path: Path) -> Iterator[ClusterLab]:
    """Its resources are in the API, and the controller runs."""
    topology = read_topology(controller_process.ROOT / "labs" / name / f"{name}.clab.yml")
    with Relay(server.port) as relay:
        lab = ClusterLab(server, controller, topology, path, relay)
        try:
            lab.up()
            yield lab
        finally:
            runner.down(topology.name)


@contextmanager
def lab_with_controller(server: ApiServer, name: str, path: Path) -> Iterator[ClusterLab]:
    """All of it: resources in the API, one controller, and the lab, as it is expected to be."""
    applied = controllers.apply_lab(server, name)
    controller = ControllerProcess(server, path / "controller", "one", "--without-felix")
    controller.start()
    try:
        with cluster_lab(server, controller, name, path) as lab:
            lab.is_as_expected()
            yield lab
    finally:
        controller.close()
        controllers.clear(server, applied)
