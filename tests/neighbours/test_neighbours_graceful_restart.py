"""Graceful restart with every daemon in every role: one side is killed and comes back, and no route is lost.

The restarts cost seconds, so all worlds go through one together; the tests ask what was seen of each daemon.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from openbgpd import OpenBgpd
from segment import eventually
from world import RECORDER, US, Adjacency, Role, World, address

from reflector.messages import PeerStatus
from reflector.plan import Family

pytestmark = pytest.mark.netns

# We originate it until we are killed, and no more when we are back.
GONE = 2
Worlds = dict[Role, World]


def adjacencies(worlds: Worlds) -> list[Adjacency]:
    return [one for world in worlds.values() for one in world.adjacencies()]


# --------------------------------------------------------------------------------------- we restart


@dataclass
class OurRestart:
    """Of what a daemon has of us: what was stale while we were away, what was missing at any time, and what there is at
    the end."""

    stale: dict[Adjacency, set[str]] = field(default_factory=dict)
    missed: dict[Adjacency, set[str]] = field(default_factory=dict)
    at_the_end: dict[Adjacency, set[str]] = field(default_factory=dict)

    def is_whole(self, one: Adjacency) -> bool:
        """One look at it: all of it, nothing that is stale, and not what is gone."""
        received = one.received()
        self.missed[one] |= one.prefixes(US, RECORDER) - set(received)
        self.at_the_end[one] = set(received)
        is_fresh = not any(route.stale for route in received.values()) and not one.prefixes(GONE) & set(received)
        return is_fresh and one.is_established()


@pytest.fixture(scope="module")
def our_restart(worlds: Worlds) -> OurRestart:
    """Killed, with no NOTIFICATION, and started again with one route less."""
    seen, everybody = OurRestart(), adjacencies(worlds)
    for world in worlds.values():
        world.apply(world.plan(numbers=(US, GONE)))
    for one in everybody:
        wait_for(one, US, GONE, RECORDER)
    for world in worlds.values():
        world.us.process.kill()
        world.us.process.wait()
    for one in everybody:
        eventually(lambda: not one.is_established(), f"{one} has noticed")  # noqa: B023
        seen.stale[one] = {known for known, route in one.received().items() if route.stale}
        seen.missed[one] = set()
    for world in worlds.values():
        world.write(world.plan())
        world.us.restart()
    for world in worlds.values():
        world.us.wait_listening()
        world.meet_recorderes()
    eventually(lambda: not [one for one in everybody if not seen.is_whole(one)], "all is fresh", within=40.0)
    return seen


def wait_for(one: Adjacency, *numbers: int) -> None:
    eventually(lambda: one.prefixes(*numbers) <= set(one.received()), f"{one} has {one.prefixes(*numbers)}")


def test_it_keeps_our_routes_while_we_are_away(our_restart: OurRestart, one: Adjacency) -> None:
    """RFC 4724 4.2: it marks them as stale and goes on using them."""
    assert our_restart.missed[one] == set()
    assert our_restart.stale[one] >= (one.prefixes(US, GONE, RECORDER) if one.kind.shows_stale else set())


def test_our_end_of_rib_makes_them_fresh(our_restart: OurRestart, one: Adjacency) -> None:
    """RFC 4724 4.2: what we have not sent again is removed with our End-of-RIB, and only that."""
    assert one.prefixes(US, RECORDER) <= our_restart.at_the_end[one]
    assert not one.prefixes(GONE) & our_restart.at_the_end[one]


# ------------------------------------------------------------------------------------- they restart


@pytest.fixture(scope="module")
def away(worlds: Worlds, our_restart: OurRestart) -> dict[Adjacency, PeerStatus]:
    """Our end of each session while the daemon was away; by the time of the tests it has come back. All that our
    clients were sent since it was killed is in the recorders' `advertised` and `withdrawn`."""
    everybody = adjacencies(worlds)
    for one in everybody:
        eventually(lambda: one.its_prefix in one.recorder.listen(), f"our client has the route of {one}")  # noqa: B023
    for recorder in (recorder for world in worlds.values() for recorder in world.recorders.values()):
        recorder.withdrawn.clear()
        recorder.advertised.clear()
    for daemon in (daemon for world in worlds.values() for daemon in world.daemons.values()):
        daemon.kill()
    eventually(lambda: not any(one.status().state == "Established" for one in everybody), "we have noticed")
    seen = {one: one.status() for one in everybody}
    for daemon in (daemon for world in worlds.values() for daemon in world.daemons.values()):
        daemon.restart()
    for world in worlds.values():
        world.wait_established()
        world.meet_far()
    for one in everybody:
        eventually(lambda: one.status().received > 0, f"{one} has sent its routes")  # noqa: B023
        eventually(lambda: one.status().stale == 0, f"nothing of {one} is stale")  # noqa: B023
        one.recorder.listen()
    return seen


def test_we_keep_its_routes_while_it_is_away(away: dict[Adjacency, PeerStatus], one: Adjacency) -> None:
    """RFC 4724 4.2: they are stale, and nothing is sent about that, nor about its return."""
    if "restart_time" in one.kind.lacks:
        pytest.skip(one.kind.lacks["restart_time"])
    assert away[one].stale == away[one].received > 0
    assert one.its_prefix not in one.recorder.withdrawn
    assert one.its_prefix not in one.recorder.advertised


def test_its_routes_are_fresh_when_it_is_back(away: dict[Adjacency, PeerStatus], one: Adjacency) -> None:
    """RFC 4724 4.2, with its End-of-RIB."""
    (route,) = one.world.candidates(one.kind, one.its_prefix)
    assert not route.stale
    assert one.its_prefix in one.recorder.listen()
    assert one.status().flaps == 1


@pytest.mark.parametrize("kind", [OpenBgpd], indirect=True, ids=lambda kind: kind.name)
def test_a_daemon_that_does_not_restart_gracefully_loses_its_routes_with_its_session(
    away: dict[Adjacency, PeerStatus], one: Adjacency
) -> None:
    """RFC 4724 3: the capability of OpenBGPD names no family, it is there for the sake of End-of-RIBs."""
    assert (away[one].stale, away[one].received) == (0, 0)
    assert one.its_prefix in one.recorder.withdrawn


def test_our_client_stays_up(world: World, away: dict[Adjacency, PeerStatus], family: Family) -> None:
    assert world.us.peers()[f"to-{address(family, RECORDER)}"].flaps == 0
