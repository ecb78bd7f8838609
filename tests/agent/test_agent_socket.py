"""agent.sock: who may ask, what is answered, what is refused."""

import asyncio
import os
import socket
import stat
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from bgpctl.agent.report.control_server import ControlServer
from bgpctl.daemon.internal_errors import InternalErrors
from reflector.control.client import ControlClient, RefusedError
from reflector.messages import (
    PROTOCOL_VERSION,
    AgentStatus,
    FrameReader,
    Refused,
    Reply,
    ShowAgent,
    ShowPeers,
    decode_reply,
    frame,
)

STATUS = AgentStatus("a", "0.1.0", 1, 2.0, 3, True, 0.1)


def while_served(path: Path, ask: Callable[[], Reply]) -> Reply:
    """Runs a blocking question beside a server on `path`."""

    async def status(_: ShowAgent) -> Reply:
        return STATUS

    async def main() -> Reply:
        server = await ControlServer.open(path, {ShowAgent: status}, InternalErrors().report)
        try:
            return await asyncio.to_thread(ask)
        finally:
            server.close()

    return asyncio.run(main())


def send(path: Path, data: bytes) -> Reply:
    """The first reply to raw bytes; the connection must be closed after it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(5)
        client.connect(str(path))
        client.sendall(data)
        received = b""
        while more := client.recv(4096):
            received += more
    (body,) = FrameReader().feed(received)
    return decode_reply(body)


def test_show_agent_is_answered(tmp_path: Path) -> None:
    path = tmp_path / "agent.sock"

    def ask() -> Reply:
        with ControlClient(path) as client:
            return client.ask(ShowAgent())

    assert while_served(path, ask) == STATUS


def test_a_question_for_the_speaker_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "agent.sock"

    def ask() -> Reply:
        with ControlClient(path) as client:
            return client.ask(ShowPeers())

    with pytest.raises(RefusedError, match=r"does not answer ShowPeers; ask the speaker, on speaker\.sock"):
        while_served(path, ask)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (struct.pack("!BI", PROTOCOL_VERSION, 2) + b"hi", "not a request of this version"),
        (struct.pack("!BI", PROTOCOL_VERSION, 2**31), "exceeds the limit"),
        (
            frame(ShowAgent(), PROTOCOL_VERSION + 1),
            f"this is version {PROTOCOL_VERSION} of the protocol and that is version {PROTOCOL_VERSION + 1}",
        ),
    ],
)
def test_what_is_no_request_is_refused_and_the_connection_closed(tmp_path: Path, data: bytes, reason: str) -> None:
    path = tmp_path / "agent.sock"
    reply = while_served(path, lambda: send(path, data))
    assert isinstance(reply, Refused)
    assert reason in reply.reason


def test_only_the_owner_may_connect(tmp_path: Path) -> None:
    path = tmp_path / "agent.sock"
    before = os.umask(0)
    try:

        def ask() -> Reply:
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            return STATUS

        while_served(path, ask)
    finally:
        os.umask(before)


def test_the_socket_of_a_dead_agent_is_replaced_and_ours_removed_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "agent.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(path))

    def ask() -> Reply:
        with ControlClient(path) as client:
            return client.ask(ShowAgent())

    assert while_served(path, ask) == STATUS
    assert not path.exists()


BAD_BODIES = {
    "text that is not UTF-8": bytes.fromhex("82a474797065a74578706c61696ea6707265666978a1ff"),
    "nesting without end": b"\x82\xa4type\xa9ShowAgent\xa1x" + b"\x91" * 60000,
    "no message": b"hi",
    "empty": b"",
    "a key that is not UTF-8": bytes.fromhex("81a1ff01"),
}


@pytest.mark.parametrize("kind", BAD_BODIES)
def test_a_body_that_is_no_request_is_refused_and_the_next_client_answered(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "agent.sock"
    body = BAD_BODIES[kind]

    def ask() -> Reply:
        assert isinstance(send(path, struct.pack("!BI", PROTOCOL_VERSION, len(body)) + body), Refused)
        with ControlClient(path) as client:
            return client.ask(ShowAgent())

    assert while_served(path, ask) == STATUS
