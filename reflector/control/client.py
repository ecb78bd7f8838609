"""Asks a speaker or an agent on its control socket, one question at a time, and waits for the answer.

For commands and tests: blocking, with a deadline for each answer. Daemons that must not block have a link of their own.
The protocol is `reflector.messages`; a subscription is not for this client.

    with ControlClient(run_directory / "speaker.sock") as speaker:
        peers = speaker.ask(ShowPeers()).peers
"""

from __future__ import annotations

import socket
import time
from pathlib import Path
from types import TracebackType
from typing import Self, overload

from reflector.messages import (
    AgentStatus,
    Applied,
    Apply,
    Confirm,
    Confirmed,
    Counters,
    Drain,
    Draining,
    Explain,
    Explanation,
    FrameError,
    FrameReader,
    JournalStatus,
    KernelAnswer,
    NodeStatusReport,
    Originate,
    Originated,
    Peers,
    Refused,
    Reply,
    Routes,
    Sessions,
    ShowAgent,
    ShowCounters,
    ShowJournal,
    ShowKernel,
    ShowNodeStatus,
    ShowPeers,
    ShowRoutes,
    ShowSessions,
    ShowSources,
    Sources,
    StartJournal,
    StopJournal,
    decode_reply,
    frame,
)

DEFAULT_TIMEOUT = 5.0
_READ_SIZE = 65536

JournalQuestion = StartJournal | StopJournal | ShowJournal
AgentQuestion = ShowAgent | ShowKernel | ShowNodeStatus | Confirm
TableQuestion = ShowPeers | ShowSessions | ShowRoutes | ShowSources | Explain | ShowCounters
Question = Apply | Originate | Drain | TableQuestion | JournalQuestion | AgentQuestion

_ANSWERS: dict[type[Question], type[Reply]] = {
    Apply: Applied,
    Originate: Originated,
    Drain: Draining,
    ShowPeers: Peers,
    ShowSessions: Sessions,
    ShowRoutes: Routes,
    ShowSources: Sources,
    Explain: Explanation,
    ShowCounters: Counters,
    StartJournal: JournalStatus,
    StopJournal: JournalStatus,
    ShowJournal: JournalStatus,
    ShowAgent: AgentStatus,
    ShowKernel: KernelAnswer,
    ShowNodeStatus: NodeStatusReport,
    Confirm: Confirmed,
}


class ControlError(Exception):
    """No usable answer: nothing listens, the answer is late, or it is not of this protocol. One sentence."""


class RefusedError(ControlError):
    """The other side understood the question and refused it; the text is its reason."""


class ControlClient:
    """One connection to a control socket. `timeout` is seconds: for the connection, then for each whole answer."""

    def __init__(
        self, path: Path | str, timeout: float = DEFAULT_TIMEOUT, connection: socket.socket | None = None
    ) -> None:
        """Connects, unless it is given a connection that leads there: then `path` is only what sentences name it by.
        Raises ControlError when nothing listens on `path`."""
        self.path = Path(path)
        self.timeout = timeout
        self._frames = FrameReader()
        self._socket = connection or connected(self.path, timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    @overload
    def ask(self, question: Apply) -> Applied: ...
    @overload
    def ask(self, question: Originate) -> Originated: ...
    @overload
    def ask(self, question: Drain) -> Draining: ...
    @overload
    def ask(self, question: ShowPeers) -> Peers: ...
    @overload
    def ask(self, question: ShowSessions) -> Sessions: ...
    @overload
    def ask(self, question: ShowRoutes) -> Routes: ...
    @overload
    def ask(self, question: ShowSources) -> Sources: ...
    @overload
    def ask(self, question: Explain) -> Explanation: ...
    @overload
    def ask(self, question: ShowCounters) -> Counters: ...
    @overload
    def ask(self, question: JournalQuestion) -> JournalStatus: ...
    @overload
    def ask(self, question: ShowAgent) -> AgentStatus: ...
    @overload
    def ask(self, question: ShowKernel) -> KernelAnswer: ...
    @overload
    def ask(self, question: ShowNodeStatus) -> NodeStatusReport: ...
    @overload
    def ask(self, question: Confirm) -> Confirmed: ...

    def ask(self, question: Question) -> Reply:
        """The answer to `question`. Raises RefusedError with the reason, or ControlError; after a ControlError that
        is no refusal the connection is out of step and closed."""
        try:
            self._socket.sendall(frame(question))
            reply = decode_reply(self._read_body(time.monotonic() + self.timeout))
        except (OSError, FrameError) as error:
            self.close()
            raise ControlError(f"no answer from {self.path}: {error}") from error
        if isinstance(reply, Refused):
            raise RefusedError(reply.reason)
        if not isinstance(reply, _ANSWERS[type(question)]):
            self.close()
            raise ControlError(
                f"{self.path} answered {type(question).__name__} with {type(reply).__name__}; "
                "are both of the same version?"
            )
        return reply

    def _read_body(self, deadline: float) -> bytes:
        while True:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise TimeoutError(f"nothing within {self.timeout:g} s")
            self._socket.settimeout(remaining)
            data = self._socket.recv(_READ_SIZE)
            if not data:
                raise ConnectionResetError("it closed the connection")
            # One question, one answer: more than one body in the buffer cannot happen before the next question.
            for body in self._frames.feed(data):
                return body


def connected(path: Path, timeout: float) -> socket.socket:
    """Raises ControlError when nothing listens on `path`."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(timeout)
    try:
        connection.connect(str(path))
    except OSError as error:
        connection.close()
        raise ControlError(f"cannot connect to {path}: {error.strerror or error}") from error
    return connection
