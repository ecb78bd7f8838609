"""Python's collector of reference cycles, kept from walking over everything while sessions wait.

Rule: what a start leaves behind, modules and a definition for each neighbour, stays and is never looked at again;
routes are freed by their reference counts. Cycles come with sessions that end, so collections are needed, but rarely.
With the definitions of 1,000 neighbours a full collection takes 40 ms before `settle`, and next to nothing after it.
"""

from __future__ import annotations

import gc

# Allocations more than deallocations until the youngest are looked at, and how many of such looks the older ones wait.
_THRESHOLDS = (50_000, 20, 20)


def settle() -> None:
    """Everything that is there now stays: to be called once what a start needs has been made."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
