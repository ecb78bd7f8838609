"""The segment of a test, and peers written by hand on it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hostile import FLOOD_SOURCE
from segment import RawPeer, Segment


@pytest.fixture
def segment(tmp_path: Path) -> Iterator[Segment]:
    if os.geteuid() != 0:
        pytest.skip("needs root to make network namespaces")
    segment = Segment(tmp_path)
    try:
        yield segment
    finally:
        segment.close()


@pytest.fixture
def raw_peer(segment: Segment) -> Iterator[Callable[[str, str, str], RawPeer]]:
    """Makes RawPeers (host, local address, remote address) and closes them."""
    peers: list[RawPeer] = []

    def connect(host: str, local: str, remote: str) -> RawPeer:
        peers.append(RawPeer(segment, host, local, remote))
        return peers[-1]

    yield connect
    for peer in peers:
        peer.socket.close()


@pytest.fixture(scope="session")
def flood_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler")
    program = tmp_path_factory.mktemp("flood") / "flood"
    subprocess.run([compiler, "-O2", "-Wall", "-Werror", "-o", program, FLOOD_SOURCE], check=True)
    return program
