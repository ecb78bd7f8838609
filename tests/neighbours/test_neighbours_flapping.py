"""Neighbours whose sessions flap many times: nothing is left behind, and no other session is affected.

All daemons in all roles flap together, each with its sessions of both families; the tests ask what has become of each.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from gobgp import GoBgp
from segment import eventually
from world import NUMBER, OF_FAR, RECORDER, US, Adjacency, Role, World, address, prefix

from reflector.plan import Family

pytestmark = pytest.mark.netns

TIMES = 10
Worlds = dict[Role, World]


@dataclass(frozen=True)
class Held:
    """What the speaker uses: open files, and the totals of its tables."""

    files: int
    totals: dict[str, int]


def held(world: World) -> Held:
    files = len(list(Path(f"/proc/{world.us.process.pid}/fd").iterdir()))
    sizes = ("sessions_established", "prefixes", "update_groups", "log_octets", "slow_peers", "unknown_peers")
    totals = world.us.counters().totals
    return Held(files, {name: totals[name] for name in sizes})


@pytest.fixture(scope="module")
def before(worlds: Worlds) -> dict[Role, Held]:
    """What there was before every session of every daemon went down TIMES times; for the tests all are up again."""
    everybody = [one for world in worlds.values() for one in world.adjacencies()]
    for one in everybody:
        eventually(lambda: one.its_prefix in one.recorder.listen(), f"our client has the route of {one}")  # noqa: B023
    for far in (far for world in worlds.values() for far in world.adjacencies() if world.role is Role.REFLECTOR):
        wanted = prefix(far.family, NUMBER[far.kind] + OF_FAR)
        eventually(lambda: wanted in far.recorder.listen(), f"our client has what {far} reflects")  # noqa: B023
    for world in worlds.values():
        eventually(lambda: world.us.counters().totals["log_octets"] == 0, "all is sent and forgotten")  # noqa: B023
    counted = {role: held(world) for role, world in worlds.items()}
    for time in range(1, TIMES + 1):
        for one in everybody:
            one.daemon.disable(one.peering)
        eventually(lambda: all(one.status().flaps == time for one in everybody), "all are down")  # noqa: B023
        for one in everybody:
            one.daemon.enable(one.peering)
        eventually(lambda: all(one.status().received > 0 for one in everybody), "all are back", within=30.0)
    # GoBGP has lost its other client, too: it makes all its sessions anew when one is taken from its file.
    worlds[Role.REFLECTOR].meet_far(GoBgp)
    return counted


def test_nothing_is_left_behind(world: World, before: dict[Role, Held]) -> None:
    eventually(lambda: held(world) == before[world.role], f"it holds what it held: {before[world.role]}")


def test_its_session_and_its_route_are_there_once(before: dict[Role, Held], one: Adjacency) -> None:
    """RFC 4271 8 and 9: they went with every session and came with the next one."""
    eventually(lambda: one.its_prefix in one.recorder.listen(), f"our client has {one.its_prefix}")
    (route,) = one.world.candidates(one.kind, one.its_prefix)
    assert not route.stale
    status = one.status()
    assert (status.state, status.flaps, status.stale) == ("Established", TIMES, 0)
    assert status.last_error.startswith("peer sent NOTIFICATION: cease")


def test_it_has_our_routes_again(before: dict[Role, Held], one: Adjacency) -> None:
    eventually(lambda: one.prefixes(US, RECORDER) <= set(one.received()), f"{one} has our routes")


def test_our_client_heard_of_their_routes_only(world: World, before: dict[Role, Held], family: Family) -> None:
    """Its session stays, and our route and its own were advertised once and never changed."""
    client, recorder = world.us.peers()[f"to-{address(family, RECORDER)}"], world.recorders[family]
    recorder.listen()
    assert (client.state, client.flaps, client.cut_offs) == ("Established", 0, 0)
    theirs = {prefix(family, NUMBER[kind] + which) for kind in world.kinds for which in (0, OF_FAR)}
    assert set(recorder.withdrawn) <= theirs
    assert {recorder.advertised[prefix(family, US)], recorder.advertised[prefix(family, RECORDER)]} == {1}
