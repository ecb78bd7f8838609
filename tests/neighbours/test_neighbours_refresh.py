"""Route refresh: every daemon in every role asks for everything again or sends it again, and nothing else happens."""

from __future__ import annotations

import pytest
from neighbour import Daemon
from segment import eventually
from world import NUMBER, US, WITNESS, World, prefix

from reflector.plan import Family

pytestmark = pytest.mark.netns


def test_it_asks_for_everything_again_and_gets_it(world: World, kind: type[Daemon], family: Family) -> None:
    """RFC 2918 4, RFC 7313 4: all routes come again, none leaves by it, and no session flaps. The probe is sent after
    the refresh, so that a daemon that has it has read everything before it."""
    if "refresh" in kind.lacks:
        pytest.skip(kind.lacks["refresh"])
    wanted, probe = {prefix(family, US), prefix(family, WITNESS)}, prefix(family, 3)
    eventually(lambda: wanted <= set(world.heard(kind, family)), f"{kind.name} has our routes")
    before, sent = world.heard(kind, family), world.status(kind, family).updates_out
    world.daemons[kind].refresh(world.peering(kind, family))
    eventually(lambda: world.status(kind, family).updates_out >= sent + len(before), "all of them were sent again")
    world.witnesses[family].announce(probe)
    eventually(lambda: probe in world.heard(kind, family), f"{kind.name} has read all of it")
    after = world.heard(kind, family)
    world.witnesses[family].withdraw(probe)
    assert {wanted: route for wanted, route in after.items() if wanted != probe} == before
    assert world.status(kind, family).flaps == 0
    eventually(lambda: probe not in world.heard(kind, family), "the probe has left")


def test_what_it_sends_again_unasked_is_told_to_nobody(world: World, kind: type[Daemon], family: Family) -> None:
    """RFC 4271 9.1: the same route once more changes nothing."""
    if "resend" in kind.lacks:
        pytest.skip(kind.lacks["resend"])
    wanted, witness = prefix(family, NUMBER[kind]), world.witnesses[family]
    eventually(lambda: wanted in witness.listen(), f"our client has {wanted}")
    told, heard = dict(witness.told), world.status(kind, family).updates_in
    changes = world.us.counters().totals["decision_changes"]
    world.daemons[kind].resend(world.peering(kind, family))
    eventually(lambda: world.status(kind, family).updates_in > heard, f"{kind.name} has sent its route again")
    assert world.us.counters().totals["decision_changes"] == changes
    witness.listen()
    assert (witness.told, witness.withdrawn.count(wanted)) == (told, 0)
