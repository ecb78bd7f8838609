"""Which of Calico's two API groups is read: a pure choice from what the cluster serves and how far a migration is.

    a DatastoreMigration that has not converged      crd.projectcalico.org/v1: what it copies to is not complete
    one that has (Converged, Complete)               projectcalico.org/v3
    otherwise, of those that are in use              v3 where it has every kind that v1 has, else v1, else v3
    neither is in use                                so of those that are served
    nothing of either is known to be served          what was read before, or none

A group is in use when it has a ClusterInformation: Calico makes one when it starts with a group. CRDs may have been
installed long before.

Rule: one group at a time. Both have the same objects, and a resource that is read twice is one that stands twice. An
API server that does not answer is not one that serves nothing: then the choice stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bgpctl.kubernetes.kinds import PLURALS, V1, V3, Group

# Phases of a DatastoreMigration in which the objects of v3 are all there.
CONVERGED = frozenset({"Converged", "Complete"})


@dataclass(frozen=True, slots=True)
class Offer:
    """What a group serves, by plural, and whether it has a ClusterInformation."""

    plurals: frozenset[str] = frozenset()
    is_in_use: bool = False

    @property
    def is_served(self) -> bool:
        return bool(self.plurals & PLURALS)


# None where that could not be found out.
Offers = Mapping[Group, Offer | None]


def is_open(phase: str | None) -> bool:
    """Whether a migration has begun and has not converged. `phase` is None where there is no DatastoreMigration."""
    return phase is not None and phase not in CONVERGED


def choose_group(offers: Offers, phase: str | None, current: Group | None) -> Group | None:
    """None: Calico is not installed."""
    v3, v1 = offers.get(V3), offers.get(V1)
    if v3 is None or v1 is None:
        return current
    if is_open(phase) and v1.is_served:
        return V1
    if phase in CONVERGED and v3.is_served:
        return V3
    if v3.is_in_use != v1.is_in_use:
        return V3 if v3.is_in_use else V1
    if v3.is_served and v3.plurals >= v1.plurals & PLURALS:
        return V3
    if v1.is_served:
        return V1
    return V3 if v3.is_served else current
