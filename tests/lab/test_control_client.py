"""The control client against a real Unix socket: what it returns, and how it says that there is no answer."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from reflector.control.client import ControlClient, ControlError, RefusedError
from reflector.messages import (
    Counters,
    FrameReader,
    Message,
    Peers,
    Refused,
    Request,
    Routes,
    ShowCounters,
    ShowPeers,
    ShowRoutes,
    decode_request,
    frame,
)

Answer = Callable[[Request], Message | bytes | None]


@pytest.fixture
def serve(tmp_path: Path):
    """A server that answers every request with what `answer` returns; None keeps silent, b"" hangs up."""
    servers: list[socket.socket] = []

    def start(answer: Answer) -> Path:
        path = tmp_path / "speaker.sock"
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        server.bind(str(path))
        server.listen()
        servers.append(server)
        threading.Thread(target=_answer_one_client, args=(server, answer), daemon=True).start()
        return path

    yield start
    for server in servers:
        server.close()


def _answer_one_client(server: socket.socket, answer: Answer) -> None:
    client, _ = server.accept()
    frames = FrameReader()
    with client:
        while data := client.recv(4096):
            for body in frames.feed(data):
                reply = answer(decode_request(body))
                if reply == b"":
                    return
                if reply is not None:
                    client.sendall(reply if isinstance(reply, bytes) else frame(reply))


def test_questions_on_one_connection_are_answered_in_order(serve) -> None:
    answers = {ShowPeers: Peers(peers=()), ShowCounters: Counters(totals={"updates_in": 7}, uptime=1.5)}
    path = serve(lambda request: answers[type(request)])
    with ControlClient(path) as client:
        assert client.ask(ShowPeers()).peers == ()
        assert client.ask(ShowCounters()).totals == {"updates_in": 7}


def test_a_refusal_carries_its_reason_and_the_connection_stays_usable(serve) -> None:
    path = serve(lambda request: Refused("no such family") if isinstance(request, ShowRoutes) else Peers(()))
    with ControlClient(path) as client:
        with pytest.raises(RefusedError, match="no such family"):
            client.ask(ShowRoutes())
        assert client.ask(ShowPeers()) == Peers(())


def test_a_socket_without_a_listener_is_reported_with_the_path(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match=r"cannot connect to .*agent\.sock: No such file"):
        ControlClient(tmp_path / "agent.sock")


def test_a_silent_server_ends_the_question_at_the_deadline(serve) -> None:
    client = ControlClient(serve(lambda request: None), timeout=0.1)
    with client, pytest.raises(ControlError, match="no answer"):
        client.ask(ShowPeers())


def test_a_server_that_hangs_up_is_reported(serve) -> None:
    client = ControlClient(serve(lambda request: b""))
    with client, pytest.raises(ControlError, match="closed the connection"):
        client.ask(ShowPeers())


def test_an_answer_of_another_type_is_not_taken_for_the_right_one(serve) -> None:
    client = ControlClient(serve(lambda request: Routes(routes=())))
    with client, pytest.raises(ControlError, match="answered ShowPeers with Routes"):
        client.ask(ShowPeers())
