"""Python's collector of reference cycles, kept from traversing objects while sessions wait.

Rule: what exists after a start, modules and a definition for each neighbour, stays and is not traversed any more;
routes are freed by their reference counts. Sessions that end leave cycles, so collections are needed: one is due after
NEW_OBJECTS, and is made when the event loop has nothing else to do, or at the latest after MOST_OBJECTS.
With the definitions of 1,000 neighbours a full collection takes 40 ms before `settle`, and next to nothing after it;
one that is due takes 10 ms.
"""

from __future__ import annotations

import gc

from reflector.event_loop import EventLoop

# So many more allocations than deallocations until a collection is due, and until it is made whatever waits.
NEW_OBJECTS = 50_000
MOST_OBJECTS = 4 * NEW_OBJECTS
# After how many collections what outlived them is traversed once more, and after how many of those everything.
_ROUNDS = 20


def settle() -> None:
    """Everything that exists now stays. To be called when a start has created what it needs."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(MOST_OBJECTS, _ROUNDS, _ROUNDS)


def wait(loop: EventLoop, timeout: float) -> None:
    """A turn of the loop, of at most `timeout` seconds. Where it would have to wait, the collection that is due is made
    instead."""
    is_due = timeout > 0.0 and gc.get_count()[0] >= NEW_OBJECTS
    if not loop.turn(0.0 if is_due else timeout) and is_due:
        _collect()


def _collect() -> None:
    """New objects, and every so often older ones."""
    _, rounds, rounds_of_older = gc.get_count()
    gc.collect(0 if rounds < _ROUNDS else 1 if rounds_of_older < _ROUNDS else 2)
