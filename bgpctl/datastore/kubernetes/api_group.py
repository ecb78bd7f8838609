"""Which of Calico's two API groups is read: a pure choice from what the cluster serves and how far a migration is.

    a DatastoreMigration that has not converged      crd.projectcalico.org/v1: what it copies to is not complete
    one that has (Converged, Complete)               projectcalico.org/v3
    otherwise                                        v3 where it has every kind that v1 has, else v1, else v3
    nothing of either is known to be served          what was read before, or none

Rule: one group at a time. Both have the same objects, and a resource that is read twice is one that stands twice. An
API server that does not answer is not one that serves nothing: then the choice stays.
"""

from __future__ import annotations

from collections.abc import Mapping

from bgpctl.datastore.kubernetes.kinds import PLURALS, V1, V3, Group

# Phases of a DatastoreMigration in which the objects of v3 are all there.
CONVERGED = frozenset({"Converged", "Complete"})

# What each group serves, by plural; None where that could not be found out.
Served = Mapping[Group, frozenset[str] | None]


def choose_group(served: Served, phase: str | None, current: Group | None) -> Group | None:
    """`phase` is that of the DatastoreMigration, None where there is none. None: Calico is not installed."""
    v3, v1 = served.get(V3), served.get(V1)
    if v3 is None or v1 is None:
        return current
    has_v3, has_v1 = bool(v3 & PLURALS), bool(v1 & PLURALS)
    if phase is not None and phase not in CONVERGED and has_v1:
        return V1
    if phase in CONVERGED and has_v3:
        return V3
    if has_v3 and v3 >= v1 & PLURALS:
        return V3
    if has_v1:
        return V1
    return V3 if has_v3 else current
