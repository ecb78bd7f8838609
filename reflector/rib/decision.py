"""The decision process: which of the routes to one prefix is used (RFC 4271 9.1.2.2, RFC 4456 9, RFC 9494 4.4).

The candidates are the accepted routes. Each step keeps the best of those that are left; the first step that a route
does not survive is its verdict. Nothing is sorted: MULTI_EXIT_DISC compares only routes of one neighbouring AS,
so no total order exists, and sorting would let the order of arrival decide. MED is therefore deterministic: at its step
each neighbouring AS loses all but its lowest (RFC 4271 9.1.2.2 c). The neighbouring AS is the first of the AS_PATH;
routes with an empty one, or one that begins with an AS_SET, are those of our own AS. With `always_compare_med` all
routes are one group at that step: an operator sets it whose neighbours mean the same by their numbers. In order:

    1  a route of this node itself, in the order of its source; but a kernel route of another program is no better than
       a learned one: as in the kernel, the metric decides, which is the LOCAL_PREF here
    2  one that is not long-lived stale
    3  highest LOCAL_PREF
    4  shortest AS_PATH (an AS_SET counts one)
    5  lowest ORIGIN (IGP < EGP < INCOMPLETE)
    6  lowest MULTI_EXIT_DISC within each neighbouring AS, or of all (absent = 0)
    7  eBGP, or this node's kernel, before iBGP
    8  lowest kernel metric to the next hop (next_hops)
       -- routes that are left here are equally good: the multipath set
    9  lowest BGP identifier of the sender, or ORIGINATOR_ID where there is one
    10 shortest CLUSTER_LIST
    11 lowest peer address
    12 lowest path identifier
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from reflector.plan import RouteSource
from reflector.rib.path import Path
from reflector.session.relation import Relation
from reflector.verdict import RouteVerdict
from reflector.wire.attributes import PathAttributes

# BIRD's preferences, which Calico leans on: a directly connected route, then statics. A workload that has moved to
# another node is announced there with a lower metric; that route must win over the one that is still in this kernel.
_LOCAL_ORDER = {
    RouteSource.DIRECT: 0,
    RouteSource.BLOCK: 1,
    RouteSource.STATIC: 1,
    RouteSource.SERVICE: 1,
    RouteSource.KERNEL: 2,
    RouteSource.BGP: 2,
}


def _attributes(path: Path) -> PathAttributes:
    """Candidates are accepted routes, so they have attributes."""
    assert path.attributes is not None  # noqa: S101  the caller's invariant, for mypy
    return path.attributes


def _identifier(path: Path) -> bytes:
    if path.sender is None:
        return b""
    return _attributes(path).originator_id or path.sender.router_id


class Step(NamedTuple):
    """Keep the routes for which `rank` is lowest; within `group`, where routes of different groups do not compare."""

    verdict: RouteVerdict
    rank: Callable[[Path], Any]
    group: Callable[[Path], Any] | None = None


STEPS_TO_MULTIPATH: tuple[Step, ...] = (
    Step(RouteVerdict.LOST_LOCAL_ROUTE, lambda path: _LOCAL_ORDER[path.source]),
    Step(RouteVerdict.LOST_STALE, lambda path: _attributes(path).is_long_lived_stale),
    Step(RouteVerdict.LOST_LOCAL_PREF, lambda path: -path.local_pref),
    Step(RouteVerdict.LOST_AS_PATH_LENGTH, lambda path: _attributes(path).as_path_length),
    Step(RouteVerdict.LOST_ORIGIN, lambda path: _attributes(path).origin),
    Step(
        RouteVerdict.LOST_MED, lambda path: _attributes(path).med or 0, group=lambda path: _attributes(path).neighbor_as
    ),
    Step(RouteVerdict.LOST_EBGP, lambda path: path.relation not in (Relation.LOCAL, Relation.EBGP)),
    Step(RouteVerdict.LOST_IGP_COST, lambda path: path.cost),
)
# With always_compare_med.
STEPS_COMPARING_ALL_MED = tuple(
    step._replace(group=None) if step.verdict is RouteVerdict.LOST_MED else step for step in STEPS_TO_MULTIPATH
)
STEPS_TO_BEST: tuple[Step, ...] = (
    Step(RouteVerdict.LOST_ROUTER_ID, _identifier),
    Step(RouteVerdict.LOST_CLUSTER_LIST, lambda path: len(_attributes(path).cluster_list)),
    Step(RouteVerdict.LOST_PEER_ADDRESS, lambda path: path.sender.address if path.sender else b""),
    Step(RouteVerdict.LOST_PATH_ID, lambda path: path.path_id),
)


class Decision(NamedTuple):
    """The outcome for one prefix: `best` is one of `multipath`, the equally good routes. `ranked` are all candidates,
    the best ones first, where a peer is advertised more than the best."""

    best: Path
    multipath: tuple[Path, ...]
    ranked: tuple[Path, ...] = ()


def steps_to_multipath(*, always_compare_med: bool) -> tuple[Step, ...]:
    return STEPS_COMPARING_ALL_MED if always_compare_med else STEPS_TO_MULTIPATH


def decide(candidates: Sequence[Path], depth: int = 0, to_multipath: Sequence[Step] = STEPS_TO_MULTIPATH) -> Decision:
    """At least one candidate. The first `depth` of `ranked` are in order: each is the best of those after it."""
    equal = _eliminate(candidates, to_multipath, None)
    best = _eliminate(equal, STEPS_TO_BEST, None)[0]
    return Decision(best, tuple(equal), _rank(candidates, best, depth, to_multipath) if depth else ())


def _rank(candidates: Sequence[Path], best: Path, depth: int, to_multipath: Sequence[Step]) -> tuple[Path, ...]:
    ranked, rest = [best], [path for path in candidates if path is not best]
    while rest and len(ranked) < depth:
        best = _eliminate(_eliminate(rest, to_multipath, None), STEPS_TO_BEST, None)[0]
        ranked.append(best)
        rest = [path for path in rest if path is not best]
    return (*ranked, *rest)


def explain_decision(
    candidates: Sequence[Path], to_multipath: Sequence[Step] = STEPS_TO_MULTIPATH
) -> list[tuple[Path, RouteVerdict]]:
    """Each candidate with BEST or the step it lost at, in the order given."""
    lost: dict[int, RouteVerdict] = {}
    best = _eliminate(_eliminate(candidates, to_multipath, lost), STEPS_TO_BEST, lost)[0]
    return [(path, RouteVerdict.BEST if path is best else lost[id(path)]) for path in candidates]


def _eliminate(paths: Sequence[Path], steps: Sequence[Step], lost: dict[int, RouteVerdict] | None) -> Sequence[Path]:
    for step in steps:
        if len(paths) == 1:
            break
        survivors = _survivors(paths, step)
        if lost is not None:
            kept = set(map(id, survivors))
            lost.update((id(path), step.verdict) for path in paths if id(path) not in kept)
        paths = survivors
    return paths


def _survivors(paths: Sequence[Path], step: Step) -> Sequence[Path]:
    if step.group is None:
        ranks = list(map(step.rank, paths))
        lowest = min(ranks)
        return [path for path, rank in zip(paths, ranks, strict=True) if rank == lowest]
    best: dict[Any, Any] = {}
    for path in paths:
        group, rank = step.group(path), step.rank(path)
        if group not in best or rank < best[group]:
            best[group] = rank
    return [path for path in paths if step.rank(path) == best[step.group(path)]]
