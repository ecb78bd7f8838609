"""A migration as a whole: what stands in the sources, what becomes of it, and whether that may be written.

    1. sources       keys of etcd, resources
    2. conversion    v1 objects and v3 resources to objects; everything else has its fate
    3. names         two of one kind and name are a clash
    4. judgement     the files as they would be written are read and checked as `validate` reads and checks them

Rule: a problem that is an error stands for all of it. What is judged are the very texts that are written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bgpctl.archive.files import files_of, name_of
from bgpctl.compiler import CompileOptions
from bgpctl.guardrails import check_cluster
from bgpctl.migration.conversion import Conversion
from bgpctl.migration.fate import Converted, Fate, Outcome, has_error
from bgpctl.migration.for_kubernetes import for_kubernetes
from bgpctl.migration.source.sources import read_sources
from bgpctl.resources import parse_documents
from bgpctl.resources.in_force.in_force import in_force
from bgpctl.yaml_source.problem import Problem, Severity

NOTHING = "there is nothing for BGP in it, so there is nothing to write"


@dataclass(frozen=True, slots=True)
class Migration:
    """objects    as they are converted, also where there are errors
    files      what may be written, text by name; none where there is an error
    fates      what became of everything, in the order of its places
    problems   of the conversion, and of the result as `validate` finds them
    """

    objects: tuple[dict[str, Any], ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    fates: tuple[Fate, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def ok(self) -> bool:
        return not has_error(self.problems)


def migrate(
    texts: Mapping[str, str], options: CompileOptions, *, to_kubernetes: bool = False, unread: Iterable[Problem] = ()
) -> Migration:
    """Of files by name. `unread`: problems of files that could not be read."""
    sources = read_sources(texts)
    problems = [*unread, *sources.problems]
    conversion = Conversion(problems)
    conversion.take(sources)
    converted = conversion.converted
    if to_kubernetes:
        converted = for_kubernetes(converted, problems)
    converted = sorted((each for each in converted if _is_named(each, problems)), key=lambda each: each.origin)
    _refuse_clashes(converted, problems)
    objects = tuple(each.value for each in converted)
    if not objects and not has_error(problems):
        problems.append(Problem("", 0, "", "$", "no-resources", NOTHING))
    files = files_of(objects)
    if not has_error(problems):
        problems += _judged(files, converted, options)
    fates = [*conversion.fates, *(fate for each in converted for fate in _fates_of(each))]
    fates += conversion.unread(fates, problems)
    wrong = {(each.file, each.resource) for each in problems if each.severity is Severity.ERROR}
    fates = [_refused(fate) if (fate.origin.file, fate.origin.name) in wrong else fate for fate in fates]
    is_right = not has_error(problems)
    return Migration(objects, files if is_right else {}, tuple(sorted(fates, key=_order)), tuple(sorted(problems)))


# ------------------------------------------------------------------------------------------ names


def _is_named(each: Converted, problems: list[Problem]) -> bool:
    """Without a name it has no place among the others; that it has none is a problem."""
    metadata = each.value.get("metadata")
    fields = metadata if isinstance(metadata, dict) else {}
    if not isinstance(fields.get("name"), str) or not fields["name"].strip(".-"):
        message = "it has no name, or none is left of it: v3 has lower-case letters, digits, '-' and '.'"
        problems.append(each.origin.problem(("metadata", "name"), "required-field", message))
        return False
    if not isinstance(fields.get("namespace", ""), str):
        problems.append(each.origin.problem(("metadata", "namespace"), "wrong-type", "must be text; put it in quotes"))
        return False
    return True


def _refuse_clashes(converted: Iterable[Converted], problems: list[Problem]) -> None:
    """A Kubernetes Node and Calico's of the same name are one node, and no clash."""
    first: dict[tuple[str, str], Converted] = {}
    for each in converted:
        is_kubernetes = "Kubernetes" if (each.value["apiVersion"], each.value["kind"]) == ("v1", "Node") else ""
        before = first.setdefault((name_of(each.value), is_kubernetes), each)
        if before is not each:
            for one, other in ((before, each), (each, before)):
                place = " of ".join(part for part in (other.origin.name, other.origin.file) if part)
                message = f"this and {place} both become {name_of(each.value)}; rename or remove one of them"
                problems.append(one.origin.problem((), "name-clash", message))


# -------------------------------------------------------------------------------------- judgement


def _judged(files: Mapping[str, str], converted: Iterable[Converted], options: CompileOptions) -> list[Problem]:
    """As `validate` would find them, at the places that the objects come from."""
    loaded = parse_documents(files.items())
    found = {*loaded.problems, *check_cluster(in_force(loaded).resources, options)}
    places = {name_of(each.value): each for each in converted}
    return [_at_its_origin(problem, places.get(problem.resource)) for problem in found]


def _at_its_origin(problem: Problem, converted: Converted | None) -> Problem:
    message = problem.message
    if converted is None:
        return replace(problem, file="", line=0, message=message)
    parts = {path: origin for origin, path in converted.parts}
    origin = parts.get(problem.path, converted.origin)
    if origin.name != problem.resource:
        message = f"{problem.resource}: {message}"
    return replace(problem, file=origin.file, line=origin.line, resource=origin.name, message=message)


# ----------------------------------------------------------------------------------------- fates


def _fates_of(each: Converted) -> Iterable[Fate]:
    becomes = name_of(each.value)
    yield Fate(each.origin, Outcome.CONVERTED, each.kind, becomes, notes=each.notes)
    for origin, path in each.parts:
        if origin != each.origin:
            yield Fate(origin, Outcome.CONVERTED, each.kind, becomes, path)


def _refused(fate: Fate) -> Fate:
    return replace(fate, outcome=Outcome.REFUSED) if fate.outcome is Outcome.CONVERTED else fate


def _order(fate: Fate) -> tuple[Any, ...]:
    return (tuple(Outcome).index(fate.outcome), fate.kind, fate.origin, fate.becomes, fate.field)
