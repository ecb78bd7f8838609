"""Problems of resources as events on the resources that have them. Pure.

    a problem            its code as the reason, in CamelCase: `unknown-field` is UnknownField
    not in force         NotInForce: what is in force in place of what is written
    a plan, an object    PlanNotWritten on the Node, DeletionWithheld on the NodePlan

Rule: only what stands in the API as an object has events. Errors go before warnings, and of many the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

import msgspec

from bgpctl.kubernetes.kinds import CALICO_NODE, KUBERNETES_NODE, NODE_PLAN, ApiKind, calico_kinds
from bgpctl.kubernetes.occurrence import Occurrence, Subject
from bgpctl.resources import Loaded
from bgpctl.resources.in_force.invalid import Invalid
from bgpctl.resources.in_force.outcome import SENTENCES
from bgpctl.yaml_source.problem import Problem

NOT_IN_FORCE, PLAN_NOT_WRITTEN, DELETION_WITHHELD = "NotInForce", "PlanNotWritten", "DeletionWithheld"
COMPILE, WRITE, DELETE = "Compile", "Write", "Delete"
# Of one object, and of all.
MOST_OF_OBJECT, MOST = 5, 200
# Of plans that are not written or not deleted.
MOST_NODES = 20
WHOLE = "$"
# Kinds of bgpctl itself, whose objects are in no document of the cluster.
_OWN = {NODE_PLAN.prefix: NODE_PLAN}


class _Header(msgspec.Struct):
    """Of a document as the cluster's reader makes it."""

    api_version: str = msgspec.field(name="apiVersion", default="")


def of_resources(loaded: Loaded, invalid: Iterable[Invalid], compiled: Iterable[Problem]) -> tuple[Occurrence, ...]:
    """`compiled`: what the compiler and the completion found beside what is in `loaded`."""
    found: dict[Subject, dict[Occurrence, None]] = {}
    room = MOST
    for each in chain(_not_in_force(loaded, invalid), _of_problems(loaded, compiled)):
        known = found.setdefault(each.subject, {})
        if len(known) < MOST_OF_OBJECT and each not in known:
            known[each] = None
            room -= 1
        if not room:
            break
    return tuple(occurrence for known in found.values() for occurrence in known)


def of_plans(loaded: Loaded, refused: Mapping[str, str], withheld: Iterable[str]) -> Iterator[Occurrence]:
    """`refused`: why the API does not take the plan of a node."""
    for node in sorted(refused)[:MOST_NODES]:
        subject = _node(loaded, node)
        if subject is not None:
            note = f"the plan of this node is not written, it stays what it was: {refused[node]}"
            yield Occurrence(subject, PLAN_NOT_WRITTEN, note, WRITE)
    for node in sorted(withheld)[:MOST_NODES]:
        note = (
            "the Node is gone, and with it most Nodes of the cluster, so this plan stays: put the Nodes right, or "
            "delete the NodePlan"
        )
        yield Occurrence(Subject(NODE_PLAN, node), DELETION_WITHHELD, note, DELETE)


def _not_in_force(loaded: Loaded, invalid: Iterable[Invalid]) -> Iterator[Occurrence]:
    for each in invalid:
        subject = _subject(loaded, each.file)
        if subject is not None:
            why = f"{each.why}; " if each.why else ""
            yield Occurrence(subject, NOT_IN_FORCE, f"{why}{SENTENCES[each.outcome]}", COMPILE)


def _of_problems(loaded: Loaded, compiled: Iterable[Problem]) -> Iterator[Occurrence]:
    problems = {*loaded.problems, *compiled}
    for each in sorted(problems, key=lambda problem: (problem.severity.value, problem)):
        subject = _subject(loaded, each.file)
        if subject is not None and each.code:
            note = each.message if each.path == WHOLE else f"{each.path}: {each.message}"
            yield Occurrence(subject, reason_of(each.code), note, COMPILE)


def reason_of(code: str) -> str:
    """As Kubernetes writes reasons."""
    return "".join(word[:1].upper() + word[1:] for word in code.split("-"))


def _node(loaded: Loaded, name: str) -> Subject | None:
    """Kubernetes' own, or Calico's where that is what there is."""
    files = (kind.name_of("", name) for kind in (KUBERNETES_NODE, CALICO_NODE))
    return next((subject for file in files if (subject := _subject(loaded, file))), None)


def _subject(loaded: Loaded, file: str) -> Subject | None:
    """Of the object that stands under this name in the cluster; None for what is no object, or has a namespace."""
    prefix, _, name = file.partition("/")
    if prefix in _OWN:
        return Subject(_OWN[prefix], name)
    document = loaded.files.get(file)
    if document is None or not name or "/" in name:
        return None
    kind = _kind(prefix, msgspec.json.decode(document.text, type=_Header).api_version)
    return None if kind is None else Subject(kind, name)


def _kind(prefix: str, api_version: str) -> ApiKind | None:
    group, _, version = api_version.rpartition("/")
    known = (KUBERNETES_NODE, *calico_kinds((group, version), frozenset({CALICO_NODE.plural})))
    return next((each for each in known if each.prefix == prefix and each.api_version == api_version), None)
