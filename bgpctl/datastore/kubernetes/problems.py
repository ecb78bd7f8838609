"""What stands between the API server and the resources, as Problems: roles that lack something, an API server that is
away, a datastore that is locked.

Rule: a kind of which nothing is known is like a directory that may not be read: what came from it before is not gone,
so it is `unusable` as a whole. Of a kind that is known and not read at the moment nothing is unusable.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bgpctl.kubernetes.collection import Collection
from bgpctl.kubernetes.failure import Cause, Failure
from bgpctl.kubernetes.intervals import USUAL
from bgpctl.kubernetes.kinds import CLUSTER_INFORMATION_NAME, SECRET, ApiKind
from bgpctl.resources.reading.unusable import UNKNOWN, Unusable
from bgpctl.resources.values.names import GLOBAL_NAME
from bgpctl.yaml_source.problem import Problem, Severity

API_SERVER = "the API server"
# Nothing is compiled without it: to know none is not the same as that there is none.
DECISIVE = "BGPConfiguration"


@dataclass(frozen=True, slots=True)
class Obstacles:
    problems: tuple[Problem, ...] = ()
    unusable: tuple[Unusable, ...] = ()


def obstacles(
    followed: Iterable[tuple[ApiKind, Collection]],
    secrets: Mapping[str, tuple[Failure, float]],
    held: str,
    now: float,
    away_for: float = USUAL.away_for,
) -> Obstacles:
    """`held`: why nothing new is used, "" when it is. A kind or Secret that is not read for `away_for` is a problem."""
    problems: list[Problem] = []
    unusable: list[Unusable] = []
    away: list[tuple[str, Failure]] = []
    for kind, collection in followed:
        failure = collection.failure
        if failure is None or failure.cause is Cause.ABSENT:
            continue
        if failure.cause is Cause.FORBIDDEN:
            problems.append(_forbidden(kind, collection, failure))
            unusable += () if collection.is_known else _unknown(kind)
        elif now - collection.failing_since >= away_for:
            away.append((kind.kind, failure))
    problems += [_away(away)] if away else []
    for name, (failure, since) in secrets.items():
        if failure.cause is Cause.FORBIDDEN or now - since >= away_for:
            problems.append(_secret(name, failure))
    if held:
        name, field = CLUSTER_INFORMATION_NAME, "$.spec.datastoreReady"
        problems.append(Problem(name, 0, name, field, "datastore-locked", held, Severity.WARNING))
    return Obstacles(tuple(problems), tuple(unusable))


def _forbidden(kind: ApiKind, collection: Collection, failure: Failure) -> Problem:
    verb = "watch" if collection.failed_watch else "list"
    group = f"in the API group {kind.group!r}" if kind.group else 'in the API group ""'
    stay = "its resources stay as they are" if collection.is_known else "none of its resources are known"
    message = (
        f"the API server refuses to {verb} {kind.resource}, so {stay}; give the role the verb {verb} for "
        f"{kind.plural} {group} ({failure.message})"
    )
    return Problem(kind.prefix, 0, "", "$", "cluster-forbidden", message)


def _unknown(kind: ApiKind) -> tuple[Unusable, ...]:
    whole = Unusable(UNKNOWN, None, 0, kind.prefix)
    return (whole, Unusable(kind.kind, GLOBAL_NAME, 0, kind.prefix)) if kind.kind == DECISIVE else (whole,)


def _away(away: list[tuple[str, Failure]]) -> Problem:
    """One for all of them, since one thing is most often the matter with all."""
    kinds = ", ".join(sorted({kind for kind, _ in away}))
    message = f"{kinds}: not read at the moment, what was read last stays; {away[0][1]}"
    return Problem(API_SERVER, 0, "", "$", "cluster-unreachable", message, Severity.WARNING)


def _secret(name: str, failure: Failure) -> Problem:
    if failure.cause is Cause.FORBIDDEN:
        _, namespace, secret = name.split("/")
        message = (
            f"the API server refuses to get the Secret {secret!r} in the namespace {namespace!r}; give a role there "
            f"the verb get for {SECRET.plural} with this name ({failure.message})"
        )
        return Problem(name, 0, name, "$", "cluster-forbidden", message)
    sentence = f"not read at the moment, what was read last stays; {failure.message}"
    return Problem(name, 0, name, "$", "cluster-unreachable", sentence, Severity.WARNING)
