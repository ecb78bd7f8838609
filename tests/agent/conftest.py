"""Network namespaces for the agent's tests, and waiting for a condition with a deadline."""

import asyncio
import ctypes
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from agent_world import ADDRESSES, CLUSTER, Serve, World, until

from reflector.messages import FrameReader, Message, Request, decode_request, frame

CLONE_NEWNET = 0x40000000

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("netns"):
            item.add_marker(needs_root)


@pytest.fixture
def in_own_network() -> Callable[[Callable[[], Coroutine[Any, Any, None]]], None]:
    """Runs a coroutine function in a thread with a network namespace of its own, which ends with the thread."""

    def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
        failures: list[BaseException] = []

        def body() -> None:
            try:
                libc = ctypes.CDLL(None, use_errno=True)
                if libc.unshare(CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), "unshare")
                subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
                asyncio.run(main())
            except BaseException as error:  # handed to the test's own thread
                failures.append(error)

        thread = threading.Thread(target=body)
        thread.start()
        thread.join()
        if failures:
            raise failures[0]

    return run


@pytest.fixture
def netns(request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of a network namespace with its loopback up; all that runs in it ends with the test."""
    name = f"bgpctl-agent-{os.getpid()}-{abs(hash(request.node.nodeid)) % 10**6}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
    yield name
    for pid in subprocess.run(["ip", "netns", "pids", name], check=True, capture_output=True).stdout.split():
        subprocess.run(["kill", "-KILL", pid.decode()], check=False)
    subprocess.run(["ip", "netns", "del", name], check=True)


@pytest.fixture
def wait_until() -> Callable[[Callable[[], object], float], None]:
    """Polls a condition; fails the test when it does not hold within `seconds`."""

    return until


@pytest.fixture
def run_path(tmp_path: Path) -> Path:
    """Where an agent's run directory will be."""
    return tmp_path / "run"


@pytest.fixture
def two_nodes(netns: str, tmp_path: Path) -> Iterator[World]:
    """`a` and `b` in one namespace, with no resources yet; the kernel is left alone (--no-fib)."""
    for address in ADDRESSES.values():
        subprocess.run(["ip", "-n", netns, "address", "add", f"{address}/32", "dev", "lo"], check=True)
    world = World(dict.fromkeys(ADDRESSES, netns), tmp_path, "--no-fib")
    yield world
    world.end()


@pytest.fixture
def world(two_nodes: World) -> World:
    """The two with the resources of a mesh. Who needs another world has a fixture of this name."""
    two_nodes.write("cluster.yaml", CLUSTER)
    return two_nodes


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Answers each request on a socket below tmp_path, as an agent or a speaker would, until the test ends."""
    listeners: list[socket.socket] = []

    def start(path: Path, answer: Callable[[Request], Message]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        listener = socket.create_server(str(path), family=socket.AF_UNIX)
        listeners.append(listener)
        threading.Thread(target=_converse, args=(listener, answer), daemon=True).start()

    yield start
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def _converse(listener: socket.socket, answer: Callable[[Request], Message]) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            frames = FrameReader()
            while data := connection.recv(65536):
                for body in frames.feed(data):
                    connection.sendall(frame(answer(decode_request(body))))
