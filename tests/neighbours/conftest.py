"""The world of a module in each role, and the daemons and families that a test is asked for."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from neighbour import Daemon
from world import DAEMONS, FAMILIES, Role, World

from reflector.plan import Family


@pytest.fixture(scope="module", params=list(Role), ids=str)
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """All daemons in one role, with their routes announced; over the links in LINKS of the module, too."""
    if os.geteuid() != 0:
        pytest.skip("needs root to make network namespaces")
    links = getattr(request.module, "LINKS", ())
    world = World(tmp_path_factory.mktemp(str(request.param)), request.param, links)
    try:
        world.build()
        yield world
    finally:
        world.close()


@pytest.fixture(params=DAEMONS, ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> type[Daemon]:
    daemon: type[Daemon] = request.param
    if not daemon.is_installed():
        pytest.skip(f"{daemon.name} is not installed (Debian package {daemon.package})")
    return daemon


@pytest.fixture(params=FAMILIES, ids=lambda family: f"ipv{family}")
def family(request: pytest.FixtureRequest) -> Family:
    chosen: Family = request.param
    return chosen
