"""A node whose control sockets are reached by `bgpctl connect` in the pod of its agent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from bgpctl.cli.asked_node import AskedNode, ControlSocket
from bgpctl.cli.declare import echo
from bgpctl.cli.through_kubectl.agent_pods import SELECTOR, AgentPod, agent_pods, chosen, with_planned
from bgpctl.cli.through_kubectl.kubectl import Kubectl
from bgpctl.errors import NotReadyError
from reflector.control.client import ControlClient, ControlError, RefusedError

NODE_PLANS = "nodeplans.bgpctl.io"


@dataclass(frozen=True, slots=True)
class PodNode(AskedNode):
    name: str
    pod: AgentPod
    kubectl: Kubectl

    @contextmanager
    def open(self, control_socket: ControlSocket, timeout: float, *, changes: bool = False) -> Iterator[ControlClient]:
        if self.pod.why_not:
            raise ControlError(self.pod.why_not)
        words = ("bgpctl", "connect", control_socket.value, f"--node={self.name}", *(["--change"] if changes else []))
        # --quiet: nothing but what the program in the pod writes.
        exec_ = ("exec", "--stdin", "--quiet", self.pod.name, f"--container={self.pod.container}", "--", *words)
        on_the_way = self.kubectl.timeouts.on_the_way
        with self.kubectl.joined(*exec_) as joined:
            try:
                with ControlClient(f"pod {self.pod.name}", timeout + on_the_way, joined.connection) as client:
                    yield client
            except RefusedError:
                raise
            except ControlError as error:
                raise ControlError(joined.reason() or str(error)) from error


def find_in_cluster(kubectl: Kubectl, nodes: Sequence[str]) -> list[PodNode]:
    """These nodes, or with none named all that have a pod of an agent or a NodePlan. Raises NotReadyError when there is
    no such pod, or pods cannot be listed."""
    of_one = [f"--field-selector=spec.nodeName={nodes[0]}"] if len(nodes) == 1 else []
    pods = agent_pods(kubectl.output("get", "pods", f"--selector={SELECTOR}", "--output=json", *of_one))
    if not pods:
        of_node = f" of the node {nodes[0]}" if len(nodes) == 1 else ""
        raise NotReadyError(
            f"no pod of an agent{of_node} is in the namespace {kubectl.namespace}; --namespace names another one"
        )
    meant = chosen(pods, nodes, kubectl.namespace) if nodes else with_planned(pods, _planned(kubectl))
    return [PodNode(each.node, each, kubectl) for each in meant]


def _planned(kubectl: Kubectl) -> list[str]:
    """The nodes that have a NodePlan, which has the name of its node. Without the right to list them one sentence says
    that some may be missing."""
    try:
        # As a table, which is made in the API server: a NodePlan itself may have a mebibyte.
        table = kubectl.output("get", NODE_PLANS, "--no-headers", "--ignore-not-found").decode(errors="replace")
    except NotReadyError as error:
        echo(f"bgpctl: nodes on which no agent runs are not shown: {error}", err=True)
        return []
    return [line.split()[0] for line in table.splitlines() if line.strip()]
