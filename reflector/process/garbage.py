"""Python's collector of reference cycles, kept from traversing all objects while sessions wait.

Rule: what exists after a start, modules and a definition for each neighbour, stays and is not traversed any more;
routes are freed by their reference counts. Sessions that end leave cycles, so collections are needed, but rarely.
With the definitions of 1,000 neighbours a full collection takes 40 ms before `settle`, and next to nothing after it.
"""

from __future__ import annotations

import gc

# So many more allocations than deallocations until the youngest objects are traversed, and after how many such rounds
# the older ones are.
_THRESHOLDS = (50_000, 20, 20)


def settle() -> None:
    """Everything that exists now stays. To be called when a start has created what it needs."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
