"""The worlds of a module, one in each role, and the daemons and families that a test is asked for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from neighbour import Daemon
from world import DAEMONS, FAMILIES, Adjacency, Role, World

from reflector.plan import Family

Worlds = dict[Role, World]


@pytest.fixture(scope="module")
def worlds(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worlds]:
    """All daemons in each role, side by side, with their routes announced; over the LINKS of the module, too, and as an
    ITS_WORLD if the module has one."""
    if os.geteuid() != 0:
        pytest.skip("needs root to make network namespaces")
    links = getattr(request.module, "LINKS", ())
    build: type[World] = getattr(request.module, "ITS_WORLD", World)
    with ExitStack() as stack:
        found = {}
        for role in Role:
            found[role] = build(tmp_path_factory.mktemp(str(role)), role, links)
            stack.callback(found[role].close)
            found[role].begin()
        for world in found.values():
            world.meet()
        yield found


@pytest.fixture(params=list(Role), ids=str)
def world(request: pytest.FixtureRequest, worlds: Worlds) -> World:
    return worlds[request.param]


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


@pytest.fixture
def one(world: World, kind: type[Daemon], family: Family) -> Adjacency:
    return Adjacency(world, kind, family)
