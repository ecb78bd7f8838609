"""What an agent and its speaker are asked, whichever way leads to their control sockets.

Rule: a subclass says how a connection is opened, and nothing else; `running.py` on this machine, `through_kubectl` in a
cluster. So every question has the same answer and the same sentences on both ways.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from enum import StrEnum

from msgspec import structs

from bgpctl.agent.host.run_directory import AGENT_SOCKET, SPEAKER_SOCKET
from bgpctl.errors import NotReadyError
from reflector.control.client import DEFAULT_TIMEOUT, ControlClient, ControlError, JournalQuestion, RefusedError
from reflector.messages import (
    AgentStatus,
    Confirm,
    Confirmed,
    Drain,
    Draining,
    Explain,
    Explanation,
    JournalStatus,
    KernelAnswer,
    Peers,
    RouteStatus,
    ShowAgent,
    ShowJournal,
    ShowKernel,
    ShowNodeStatus,
    ShowPeers,
    ShowRoutes,
)

# Seconds for an agent to judge a change, and for its speaker to apply the largest one.
CONFIRM_TIMEOUT = 90.0
# For one with a hundred thousand routes to describe them.
STATUS_TIMEOUT = 60.0


class ControlSocket(StrEnum):
    AGENT = "agent"
    SPEAKER = "speaker"

    @property
    def file(self) -> str:
        """In the run directory."""
        return AGENT_SOCKET if self is ControlSocket.AGENT else SPEAKER_SOCKET


class AskedNode(ABC):
    name: str

    @abstractmethod
    def open(
        self, control_socket: ControlSocket, timeout: float, *, changes: bool = False
    ) -> AbstractContextManager[ControlClient]:
        """A connection; `timeout` is seconds for each answer. `changes`: what is asked changes something. Raises
        ControlError."""

    def agent(self) -> AgentStatus:
        """Raises NotReadyError when the agent does not answer."""
        with self._agent() as agent:
            return agent.ask(ShowAgent())

    @contextmanager
    def _agent(self, timeout: float = DEFAULT_TIMEOUT, *, changes: bool = False) -> Iterator[ControlClient]:
        try:
            with self.open(ControlSocket.AGENT, timeout, changes=changes) as client:
                yield client
        except ControlError as error:
            raise NotReadyError(f"the agent of {self.name} does not answer: {error}") from error

    def retention(self) -> str:
        """The sentence of its agent about retained routes; "" also without an agent, which `bgpctl status` reports."""
        try:
            return self.agent().retention
        except NotReadyError:
            return ""

    @contextmanager
    def speaker(self, *, changes: bool = False) -> Iterator[ControlClient]:
        """To ask the speaker. Raises NotReadyError when it does not answer, and when it refuses."""
        try:
            with self.open(ControlSocket.SPEAKER, DEFAULT_TIMEOUT, changes=changes) as client:
                yield client
        except RefusedError as error:
            raise NotReadyError(f"the speaker of {self.name}: {error}") from error
        except ControlError as error:
            raise NotReadyError(f"the speaker of {self.name} does not answer: {error}") from error

    def peers(self) -> Peers:
        """Raises NotReadyError when the speaker does not answer."""
        with self.speaker() as speaker:
            return speaker.ask(ShowPeers())

    def drain(self, asked: Drain) -> Draining:
        """How far the node is now. Raises NotReadyError when the agent does not answer."""
        with self._agent(changes=True) as agent:
            return agent.ask(asked)

    def drain_steps(self, asked: Drain, every: float) -> Iterator[Draining]:
        """Asked over and over on one connection, with pauses of so many seconds. Raises NotReadyError."""
        with self._agent(changes=True) as agent:
            while True:
                yield agent.ask(asked)
                time.sleep(every)

    def confirm(self, digest: str) -> Confirmed:
        """Has the agent put the held change with this digest in place. Raises NotReadyError when it does not answer or
        refuses."""
        with self._agent(CONFIRM_TIMEOUT, changes=True) as agent:
            return agent.ask(Confirm(digest))

    def explain(self, prefix: str) -> Explanation:
        """Raises NotReadyError when the speaker does not answer."""
        with self.speaker() as speaker:
            return speaker.ask(Explain(prefix))

    def kernel(self, prefix: str) -> KernelAnswer:
        """Raises NotReadyError when the agent does not answer, and when it refuses."""
        with self._agent() as agent:
            return agent.ask(ShowKernel(prefix))

    def journal(self, question: JournalQuestion) -> JournalStatus:
        """Raises NotReadyError when the speaker does not answer or cannot do so."""
        with self.speaker(changes=not isinstance(question, ShowJournal)) as speaker:
            return speaker.ask(question)

    def node_status(self, classes: tuple[str, ...]) -> tuple[str, bytes]:
        """The node's own name, and these classes of its status in JSON. Raises NotReadyError when the agent does not
        answer."""
        with self._agent(STATUS_TIMEOUT) as agent:
            return agent.ask(ShowAgent()).node, agent.ask(ShowNodeStatus(classes)).status

    def session(self, peer: str) -> str:
        """The name of the session with this peer: its own name, the peer's address or the peer's node. Raises
        NotReadyError when there is none or several."""
        peers = self.peers().peers
        meant = [each.name for each in peers if peer in (each.name, each.peer_address, each.peer_node)]
        if len(meant) != 1:
            known = ", ".join(meant or (each.name for each in peers)) or "none"
            raise NotReadyError(
                f"{'no' if not meant else 'not one'} session {peer!r} on {self.name}; there are: {known}"
            )
        return meant[0]

    def routes(self, question: ShowRoutes) -> list[RouteStatus]:
        """All pages of the answer. Raises NotReadyError when the speaker does not answer."""
        routes: list[RouteStatus] = []
        with self.speaker() as speaker:
            while True:
                page = speaker.ask(question)
                routes += page.routes
                if not page.next_after:
                    return routes
                question = structs.replace(question, after=page.next_after)
