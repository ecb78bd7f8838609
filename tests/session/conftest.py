"""The segment of a test, and peers written by hand on it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
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
