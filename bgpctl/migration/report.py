"""The report of a migration: for people in groups, as JSON types with everything.

what becomes resources, each with its places; renamed, lost and to know are below it
what concerns BGP and is lost, each with what takes its place
what is left, by kind; each of them in a full report
problems
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bgpctl.migration.fate import Fate, NoteKind, Outcome
from bgpctl.migration.migrate import Migration
from bgpctl.yaml_source.problem import Severity

FEW = 3
WORDS = {NoteKind.RENAMED: "renamed", NoteKind.LOSS: "lost", NoteKind.REMARK: "note"}


def report_lines(migration: Migration, *, full: bool) -> Iterator[str]:
    """`full` with each object that is left."""
    by_outcome: dict[Outcome, list[Fate]] = {outcome: [] for outcome in Outcome}
    for fate in migration.fates:
        by_outcome[fate.outcome].append(fate)
    yield from _converted(by_outcome[Outcome.CONVERTED])
    yield from _titled("concerns BGP, and has no counterpart:", _reasons(by_outcome[Outcome.LOST]))
    left = by_outcome[Outcome.LEFT]
    yield from _titled("left as it is:", _reasons(left) if full else _by_kind(left))
    yield from _titled("refused:", (f"{_place(each)}: {each.kind}" for each in by_outcome[Outcome.REFUSED]))
    yield from map(str, migration.problems)
    yield _summary(migration, by_outcome)


def _converted(fates: Iterable[Fate]) -> Iterator[str]:
    resources: dict[str, list[Fate]] = {}
    for fate in fates:
        resources.setdefault(fate.becomes, []).append(fate)
    yield from ["becomes:"] if resources else []
    for resource, parts in sorted(resources.items()):
        whole = [each for each in parts if not each.field]
        fields = len(parts) - len(whole)
        places = ", ".join(_place(each) for each in whole[:FEW])
        others = f" and {counted(len(whole) - FEW, 'other place')}" if len(whole) > FEW else ""
        of_it = f", {counted(fields, 'field')} of it" if fields else ""
        yield f"  {resource}: {places}{others}{of_it}"
        for note in dict.fromkeys(note for each in parts for note in each.notes):
            yield f"    {WORDS[note.kind]}: {note.text}"


def _titled(title: str, lines: Iterable[str]) -> Iterator[str]:
    found = list(lines)
    yield from [title, *(f"  {line}" for line in found)] if found else []


def _reasons(fates: Iterable[Fate]) -> Iterator[str]:
    for fate in fates:
        named = f" ({fate.becomes} there)" if fate.becomes else ""
        yield f"{_place(fate)}: {fate.kind}, {fate.reason}{named}"


def _by_kind(fates: Iterable[Fate]) -> Iterator[str]:
    groups: dict[tuple[str, str], list[Fate]] = {}
    for fate in fates:
        groups.setdefault((fate.kind, fate.reason), []).append(fate)
    for (kind, reason), found in sorted(groups.items()):
        names = ", ".join(each.origin.name for each in found[:FEW])
        more = f" and {len(found) - FEW} more" if len(found) > FEW else ""
        yield f"{counted(len(found), kind)}, {reason}: {names}{more}"


def _place(fate: Fate) -> str:
    place = ":".join(part for part in (fate.origin.file, str(fate.origin.line or "")) if part)
    return f"{fate.origin.name} ({place})" if fate.origin.line else fate.origin.name


def _summary(migration: Migration, by_outcome: Mapping[Outcome, list[Fate]]) -> str:
    errors = sum(each.severity is Severity.ERROR for each in migration.problems)
    counts = [
        counted(len({each.becomes for each in by_outcome[Outcome.CONVERTED]}), "resource"),
        f"{len(by_outcome[Outcome.LOST])} lost",
        f"{len(by_outcome[Outcome.LEFT])} left",
        counted(errors, "error"),
        counted(len(migration.problems) - errors, "warning"),
    ]
    return ", ".join(counts)


def counted(count: int, noun: str) -> str:
    """ "1 policy", "2 policies"."""
    if count == 1:
        return f"1 {noun}"
    return f"{count} {noun[:-1]}ies" if noun.endswith(("cy", "ty")) else f"{count} {noun}s"


def report_data(migration: Migration) -> dict[str, Any]:
    """Everything, as JSON types."""
    return {
        "ok": migration.ok,
        "resources": sorted({f"{each['kind']}/{each['metadata']['name']}" for each in migration.objects}),
        "fates": list(migration.fates),
        "problems": list(migration.problems),
    }
