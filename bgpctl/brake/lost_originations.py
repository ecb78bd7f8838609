"""Which of a node's own originations a wanted plan takes, and which of them are a loss.

Not a loss, and never held, for holding it would draw traffic to a node that cannot deliver it:

    moved        the block, or a part of it, is another node's now
    released     the block was being given back (BlockAffinity `state: pendingDeletion`) when it went, or no workload of
                 this node used it: then no workload is cut off, and an address manager gives such blocks back every day
    of a pod     the address of one Service: it follows the endpoints (originations.py)
"""

from __future__ import annotations

from bgpctl.brake.situation import Situation


def own_originations(situation: Situation) -> frozenset[str]:
    """The prefixes that the limit counts against."""
    return frozenset(situation.counted_prefixes - _free_to_go(situation))


def lost_originations(situation: Situation) -> frozenset[str]:
    """Of these, those that the wanted plan does not have, also if an earlier plan of the window took them."""
    return own_originations(situation) - {each.prefix for each in situation.wanted.originations}


def _free_to_go(situation: Situation) -> frozenset[str]:
    """A block that was empty when it went is free as long as it is away."""
    away = situation.best.emptied.keys() - {each.prefix for each in situation.running.originations}
    return situation.facts.moved | situation.best.released.keys() | situation.live.empty | away
