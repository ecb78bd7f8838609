"""A topology of network namespaces for each test that asks for one; removed in the end.

Plans that follow from resources are made by the makers of the compiler's tests."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fib_namespaces import Namespace, Topology

sys.path.insert(0, str(Path(__file__).parent.parent / "compiler"))


@pytest.fixture
def topology() -> Iterator[Topology]:
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    if shutil.which("ip") is None:
        pytest.skip("network namespaces need iproute2 (ip)")
    made = Topology()
    try:
        yield made
    finally:
        made.remove()


@pytest.fixture
def peer(topology: Topology) -> Namespace:
    """What `node` is wired to: eth0 up, without an address."""
    return topology.namespace("peer")


@pytest.fixture
def node(topology: Topology, peer: Namespace) -> Namespace:
    """A namespace with eth0 (10.0.0.1/24, fd00::1/64) up, wired to a second namespace."""
    made = topology.namespace("node")
    topology.wire(made, "eth0", peer, "eth0")
    made.ip("addr", "add", "10.0.0.1/24", "dev", "eth0")
    made.ip("addr", "add", "fd00::1/64", "dev", "eth0", "nodad")
    return made
