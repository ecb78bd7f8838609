"""`bgpctl connect`: a process that joins its standard streams with a control socket. Real sockets, small servers."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from agent_world import BGPCTL, Serve

from bgpctl.cli.connect import join
from bgpctl.errors import NotReadyError
from reflector.control.client import ControlClient
from reflector.messages import AgentStatus, Peers, Routes, RouteStatus, ShowAgent, ShowPeers, ShowRoutes
from reflector.plan import RouteSource

AGENT = AgentStatus("a", "0.1.0", 1, 75.0, 2, True, 0.1)
# More than any buffer between two processes has room for.
MANY = Routes(
    tuple(RouteStatus(f"10.{n >> 8}.{n & 255}.0/24", "10.0.0.2", RouteSource.BGP, "p") for n in range(20_000))
)


@contextmanager
def joined(*words: str | Path) -> Iterator[tuple[subprocess.Popen[bytes], ControlClient]]:
    ours, its = socket.socketpair()
    with its:
        end = its.fileno()
        process = subprocess.Popen([BGPCTL, "connect", *words], stdin=end, stdout=end, stderr=subprocess.PIPE)
    with process, ControlClient("the process", 30, ours) as client:
        try:
            yield process, client
        finally:
            process.kill()


def test_questions_and_answers_pass(tmp_path: Path, serve: Serve) -> None:
    serve(tmp_path / "agent.sock", lambda _: AGENT)
    with joined("agent", "--run-dir", tmp_path) as (_, client):
        assert [client.ask(ShowAgent()) for _ in range(3)] == [AGENT] * 3


def test_the_speakers_socket_is_another_one(tmp_path: Path, serve: Serve) -> None:
    serve(tmp_path / "speaker.sock", lambda _: Peers(()))
    with joined("speaker", "--run-dir", tmp_path) as (_, client):
        assert client.ask(ShowPeers()) == Peers(())


def test_a_large_answer_passes_whole(tmp_path: Path, serve: Serve) -> None:
    serve(tmp_path / "speaker.sock", lambda _: MANY)
    with joined("speaker", "--run-dir", tmp_path) as (_, client):
        assert client.ask(ShowRoutes(4, "")) == MANY


def test_it_ends_with_its_standard_input(tmp_path: Path, serve: Serve) -> None:
    serve(tmp_path / "agent.sock", lambda _: AGENT)
    with joined("agent", "--run-dir", tmp_path) as (process, client):
        client.ask(ShowAgent())
        client.close()
        assert process.wait(10) == 0


def test_it_ends_with_the_agent(tmp_path: Path) -> None:
    with socket.create_server(str(tmp_path / "agent.sock"), family=socket.AF_UNIX) as listener:
        listener.settimeout(20)
        with joined("agent", "--run-dir", tmp_path) as (process, _):
            listener.accept()[0].close()
            assert process.wait(10) == 0


def test_without_an_agent_it_is_not_ready(tmp_path: Path) -> None:
    (tmp_path / "agent.sock").touch()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "speaker.sock"))
    done = subprocess.run(
        [BGPCTL, "connect", "speaker", "--run-dir", tmp_path], capture_output=True, text=True, check=False, timeout=30
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"bgpctl: cannot connect to {tmp_path}/speaker.sock: Connection refused\n"


def test_what_never_says_anything_is_given_up() -> None:
    ours, its = socket.socketpair()
    source, sink = os.pipe()
    with ours, its, pytest.raises(NotReadyError, match=r"nothing has passed for 0\.05 s"):
        join(ours, source, sink, bytes, 0.05)
    os.close(source)
    os.close(sink)
