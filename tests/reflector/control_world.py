"""A control socket without ExaBGP: server, answers and engine in one thread, turn by turn, and its clients."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from speaker_makers import Router

from reflector.commands import Turn
from reflector.control.answers import Answers
from reflector.control.loc_rib_stream import LocRibStream
from reflector.control.server import ControlServer
from reflector.event_loop import EventLoop
from reflector.events import Events
from reflector.journal.recording import Recording
from reflector.messages import Applied, FrameReader, LocRibUpdate, Message, Reply, Request, decode_reply, frame
from reflector.plan import NodePlan
from reflector.session.set_up import SetUps
from reflector.session.unknown_peers import UnknownPeer


class ControlWorld(Router):
    """A router whose every turn ends like a speaker's. `longest` is that of the turns so far, in
    seconds of CPU time: the machine may have others to serve."""

    def __init__(self, plan: NodePlan, directory: Path, epoch: str = "first") -> None:
        super().__init__(plan)
        self.started = 0.0
        self.failed_answers: list[Exception] = []
        self.events: Events = self.engine
        self.longest = 0.0
        self.recording = Recording(directory / "journal", self.engine, self._use)
        self.stream = LocRibStream(epoch, bound=4096)
        self.loop = EventLoop()
        answers = Answers(self, self.stream, lambda: self.now)
        self.path = directory / "speaker.sock"
        self.server = ControlServer(self.path, self.loop, answers)

    def _use(self, events: Events) -> None:
        self.events = events

    def apply_plan(self, plan: NodePlan) -> Message:
        self.events.apply(plan, self.now)
        return Applied()

    def unacknowledged(self) -> tuple[str, ...]:
        return ()

    def set_ups(self) -> SetUps:
        return {}

    def unknown_peers(self) -> tuple[UnknownPeer, ...]:
        return ()

    def report_failed_answer(self, error: Exception) -> None:
        self.failed_answers.append(error)

    def session_layer_counters(self) -> dict[str, int]:
        return {"control_clients_dropped": self.server.dropped}

    def turn(self) -> Turn:
        """One turn of the event loop; what peers are sent is delivered."""
        began = time.thread_time()
        self.loop.turn(0)
        self.server.work()
        turn = self.events.flush(self.now)
        published = self.stream.publish(turn.changes, is_complete=self.engine.start.complete.is_over)
        if published is not None:
            self.server.publish(*published)
        self.longest = max(self.longest, time.thread_time() - began)
        self.deliver(turn)
        return turn

    def client(self) -> Client:
        return Client(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.close()


class Client:
    """Somebody on the control socket, who gives the world turns while waiting."""

    def __init__(self, world: ControlWorld) -> None:
        self._world = world
        self._frames = FrameReader()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(str(world.path))
        self.socket.setblocking(False)
        self.received: list[Reply] = []
        self.is_closed = False

    def send(self, *requests: Request) -> None:
        self.socket.sendall(b"".join(map(frame, requests)))

    def ask(self, request: Request) -> Reply:
        """The next reply that is no update of the stream."""
        self.send(request)
        return self.wait_for(lambda replies: next((r for r in replies if not isinstance(r, LocRibUpdate)), None))

    def wait_for(self, found, turns: int = 5000):
        """What `found` makes of the replies since the last wait, as soon as it makes something of them."""
        for _ in range(turns):
            answer = found(self.received)
            if answer is not None:
                self.received.clear()
                return answer
            self._world.turn()
            self.read()
        raise AssertionError(f"not within {turns} turns; received {self.received!r}")

    def read(self) -> None:
        try:
            while data := self.socket.recv(1 << 20):
                self.received += map(decode_reply, self._frames.feed(data))
            self.is_closed = True
        except BlockingIOError:
            pass

    def read_whatever_is_there(self) -> list[Reply]:
        self.read()
        taken, self.received = self.received, []
        return taken

    def close(self) -> None:
        self.socket.close()
