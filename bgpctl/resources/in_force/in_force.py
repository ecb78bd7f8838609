"""Which version of each resource is in force, given what was in force before: pure, one step after the other.

    1. what is invalid by itself         its last good version, or what kind_rules.py says
    2. what is not recognised            every resource that came from that file, and is nowhere now, stays
    3. what cannot stand together        what was there before stays, and what came last yields
    4. BGPFilters that peers name        the last good version, or the last good version of the BGPPeer, or it waits

Rule: only what is invalid, and what names it, is anything else than what is written. Without an error nothing is
compared and nothing copied. What is wanted is decided here; what of it would isolate a node is the brake's affair.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bgpctl.resources.checks.cluster_rules import ClusterFinding, RuleScope, judge_cluster
from bgpctl.resources.in_force.invalid import CONCLUSIVE, Invalid, label
from bgpctl.resources.in_force.kind_rules import outcome_without
from bgpctl.resources.in_force.outcome import Outcome
from bgpctl.resources.in_force.versions import Placed, ResourceId, Versions, placed_in, version_of
from bgpctl.resources.kinds.bgp_peer import BGPPeer
from bgpctl.resources.reading.parse import Loaded
from bgpctl.resources.reading.unusable import UNKNOWN, Unusable
from bgpctl.resources.resource_set import ResourceSet, Version, resource_id
from bgpctl.resources.values.model import Resource
from bgpctl.yaml_source.problem import Location, Severity

NOTHING_BEFORE = Versions()
FILTER = "BGPFilter"
MISSING_FILTER = "missing-filter"
# What others ask for by name.
WAITING = frozenset({Outcome.ROUTES_WAIT, Outcome.SESSIONS_WAIT})


@dataclass(frozen=True)
class InForce:
    """`resources` is what is compiled; `versions` is for the next time."""

    versions: Versions
    invalid: tuple[Invalid, ...] = ()

    @property
    def resources(self) -> ResourceSet:
        return self.versions.resources

    @property
    def is_complete(self) -> bool:
        """What is missing was removed."""
        return all(each.is_complete for each in self.invalid)


def in_force(loaded: Loaded, before: Versions = NOTHING_BEFORE) -> InForce:
    """What is in force when these are the resources and those were."""
    if not loaded.unusable and not (loaded.judged and _errors(loaded.judged.findings)):
        return InForce(Versions(loaded.resources, loaded.files))
    choice = _Choice(loaded, before)
    choice.replace_invalid()
    choice.keep_unrecognised()
    choice.separate()
    choice.look_for_filters()
    return choice.result()


class _Choice:
    """The set as it is after each step. `_instead`: what takes the place of a resource that is written, () for
    nothing."""

    def __init__(self, loaded: Loaded, before: Versions) -> None:
        self._loaded = loaded
        self._before = before
        self._resources = loaded.resources
        self._instead: dict[ResourceId, Placed] = {}
        self._invalid: set[Invalid] = set()
        self._waiting: set[ResourceId] = set()

    def result(self) -> InForce:
        return InForce(
            Versions(self._resources.with_waiting(self._waiting), self._loaded.files, self._instead),
            tuple(sorted(self._invalid)),
        )

    def replace_invalid(self) -> None:
        placed: dict[ResourceId, Placed] = {}
        stand_ins: dict[ResourceId, Version | None] = {}
        for each in self._loaded.unusable:
            if each.kind == UNKNOWN or each.key is None:
                continue
            found = (each.kind, each.key)
            if found in self._before.placed:
                placed[found] = self._before.placed[found]
                self._report(each, Outcome.LAST_GOOD)
            elif each.is_duplicate:
                self._report(each, Outcome.FIRST)
            else:
                placed[found] = ()
                outcome = self._outcome_without(each)
                self._report(each, outcome)
                if each.stand_in is not None:
                    stand_ins[found] = (each.stand_in, Location(each.file, each.line))
                if outcome in WAITING:
                    self._waiting.add(found)
        self._put(placed)
        self._resources = self._resources.with_versions(stand_ins)

    def _outcome_without(self, unusable: Unusable) -> Outcome:
        """A cluster that ran without a resource goes on without it."""
        has_stand_in = unusable.stand_in is not None
        outcome = outcome_without(unusable.kind, unusable.key, has_stand_in=has_stand_in)
        is_first_start = self._before.is_empty
        return Outcome.ABSENT if outcome is Outcome.PLAN_WAITS and not is_first_start else outcome

    def keep_unrecognised(self) -> None:
        lost = [each for each in self._loaded.unusable if each.key is None]
        if not lost:
            return
        before, now = self._before.placed, placed_in(self._loaded.files.values()).keys() | self._instead.keys()
        gone = {found: placed for found, placed in before.items() if found not in now}
        for each in lost:
            kept = {found: placed for found, placed in gone.items() if self._may_be(each, placed)}
            self._put(kept)
            self._report(each, Outcome.LAST_GOOD if kept else Outcome.ABSENT)

    def _may_be(self, unusable: Unusable, placed: Placed) -> bool:
        """Whether these may be what stands there: they came from there, or from a file that is not there any more, and
        a file may have another name now."""
        if unusable.kind not in (UNKNOWN, placed[0].identity[0]):
            return False
        files = {here.location.file for here in placed}
        if any(file == unusable.file or file.startswith(unusable.file.rstrip("/") + "/") for file in files):
            return True
        return not files & self._loaded.files.keys() and unusable.file not in self._before.files

    def separate(self) -> None:
        """Resources that are right by themselves and not together."""
        while late := {resource_id(each) for finding in self._conflicts() for each in self._late(finding)}:
            for found in sorted(late, key=str):
                self._yield(found)

    def _conflicts(self) -> list[ClusterFinding]:
        unreadable = frozenset((each.kind, each.key) for each in self._loaded.unusable)
        errors = _errors(judge_cluster(RuleScope(self._resources, unreadable)).findings)
        return [each for each in errors if each.code != MISSING_FILTER]

    def _late(self, finding: ClusterFinding) -> Sequence[Resource]:
        """Those that were not so before, or stand in for one that is not known; of several, and at a first start, the
        one that the finding is about."""
        involved = (finding.resource, *finding.others)
        late = [each for each in involved if self._former(resource_id(each)) != each]
        stand_ins = [each for each in late if resource_id(each) in self._waiting]
        if stand_ins:
            return stand_ins
        return (finding.resource,) if finding.resource in late else late

    def _yield(self, found: ResourceId) -> None:
        """To its former version; without one it is not in force."""
        now = self._resources.version(*found)
        if now is None:
            return
        former = self._before.placed.get(found, ())
        self._put({found: former})
        self._waiting.discard(found)
        why = "it cannot stand together with another resource"
        outcome = Outcome.LAST_GOOD if former else Outcome.ABSENT
        self._invalid.add(Invalid(now[1].file, now[1].line, label(*found), outcome, why))

    def look_for_filters(self) -> None:
        """A filter that is named and is not there accepts everything; so it is never simply left out."""
        for peer in list(self._resources.bgp_peers.values()):
            unknown = [name for name in self._missing(peer) if (FILTER, name) not in self._before.placed]
            if unknown:
                self._without_version(peer, unknown)
        for peer in list(self._resources.bgp_peers.values()):
            for name in self._missing(peer):
                if (FILTER, name) in self._before.placed:
                    self._keep_removed(name, peer)
                else:
                    self._waiting.add((FILTER, name))

    def _missing(self, peer: BGPPeer) -> list[str]:
        return [name for name in peer.spec.filters if name not in self._resources.bgp_filters]

    def _without_version(self, peer: BGPPeer, unknown: list[str]) -> None:
        """Where the BGPPeer names the filter only now, it stays as it was; otherwise its sessions wait."""
        found, location = resource_id(peer), self._resources.location(peer)
        former = self._former(found)
        known = self._resources.bgp_filters.keys() | {key for kind, key in self._before.placed if kind == FILTER}
        can_stay = isinstance(former, BGPPeer) and former != peer and known >= set(former.spec.filters)
        if can_stay:
            self._put({found: self._before.placed[found]})
        elif all((FILTER, name) in self._waiting for name in unknown):
            return  # they are reported themselves
        outcome = Outcome.LAST_GOOD if can_stay else Outcome.SESSIONS_WAIT
        why = f"it names the BGPFilter {unknown[0]}, of which there is no valid version"
        self._invalid.add(Invalid(location.file, location.line, label(*found), outcome, why))

    def _keep_removed(self, name: str, peer: BGPPeer) -> None:
        found = (FILTER, name)
        self._put({found: self._before.placed[found]})
        why, location = f"it was removed, and BGPPeer/{peer.name} names it", self._resources.location(peer)
        self._invalid.add(Invalid(location.file, location.line, label(*found), Outcome.LAST_GOOD, why))

    def _put(self, placed: Mapping[ResourceId, Placed]) -> None:
        self._instead.update(placed)
        self._resources = self._resources.with_versions({found: version_of(each) for found, each in placed.items()})

    def _former(self, found: ResourceId) -> Resource | None:
        """The version that was in force, and was not a stand-in."""
        version = self._before.resources.version(*found) if found in self._before.placed else None
        return None if version is None else version[0]

    def _report(self, unusable: Unusable, outcome: Outcome) -> None:
        is_complete = outcome is not Outcome.ABSENT or unusable.kind not in CONCLUSIVE
        self._invalid.add(Invalid.of(unusable, outcome, is_complete=is_complete))


def _errors(findings: Iterable[ClusterFinding]) -> list[ClusterFinding]:
    return [each for each in findings if each.severity is Severity.ERROR]
