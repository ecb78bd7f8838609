"""Add-path: which paths of a prefix a peer is advertised (RFC 7911).

    limit 1      the best one, always under the same identifier: another best path replaces it
    limit N      the N best ones, each the best of what is left without the ones before it
    no limit     every candidate, so that peers behind a reflector have all next hops for ECMP

Where several are advertised, a path is announced before the one whose place it takes is withdrawn, so that a receiver
always has one.
"""

from __future__ import annotations

from reflector.rib.decision import Decision
from reflector.rib.loc_rib import Selection, best
from reflector.rib.path import Path
from reflector.rib.path_identifier import OWN


def advertised_paths(selection: Selection, limit: int) -> dict[bytes, Path]:
    """The paths of a prefix that are advertised, by identifier. `limit`: see SessionPlan.add_path_limit."""
    if limit == 1:
        path = best(selection)
        return {} if path is None else {OWN.octets: path}
    if selection is None:
        return {}
    if isinstance(selection, Decision):
        return {path.identifier.octets: path for path in selection.ranked[: limit or None]}
    return {selection.identifier.octets: selection}


def depth_for(limit: int) -> int:
    """How many candidates must be ranked for this limit: with none their order does not matter."""
    return max(limit, 1)
