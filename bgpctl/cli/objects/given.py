"""The objects that `-f` names: of files, directories and standard input, each with its place.

Rule: what one document has wrong by itself is found before anything is asked or written, with file, line and field.
What is wrong between objects depends on the datastore, and is judged there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bgpctl.datastore.listing import list_files, unreadable
from bgpctl.datastore.regular_file import read_any_file
from bgpctl.datastore.text import text_of
from bgpctl.objects.documents import ObjectFile, Other, document_of, read_objects
from bgpctl.objects.object import Object, ObjectId
from bgpctl.objects.store import Change
from bgpctl.resources.reading.document import parse_document
from bgpctl.yaml_source.problem import Problem, Severity

NOT_OURS = "is none of the kinds that are written here; use kubectl"
# Of a resource this is a warning; of an object that is to be written, an error of its own (NOT_OURS).
NOT_USED = "unsupported-kind"


@dataclass(frozen=True, slots=True)
class Given:
    """`texts`: the document of each object that is alone in it. `errors` are lines, each with its place."""

    objects: tuple[Object, ...] = ()
    texts: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def changes(self) -> list[Change]:
        return [Change(each.id, each.data, text) for each, text in zip(self.objects, self.texts, strict=True)]

    def removals(self) -> list[Change]:
        return [Change(each.id, None) for each in self.objects]


def given_objects(paths: Sequence[Path], *, validated: bool) -> Given:
    """`validated`: with everything that is wrong in their documents. Raises NotReadyError when a path is not there."""
    objects: list[Object] = []
    texts: list[str] = []
    problems: list[Problem] = []
    errors: list[str] = []
    for path in paths:
        listing = list_files(path)
        problems += listing.problems
        for name in listing.files:
            try:
                text = text_of(read_any_file(name))
            except (OSError, UnicodeDecodeError) as error:
                problems.append(unreadable(name, error))
                continue
            file = read_objects(name, text)
            found = _problems(file) if validated else {}
            problems += [each for group in found.values() for each in group] if validated else file.problems
            errors += [_not_ours(each) for each in file.others if not _has_error(found.get(each.document, ()))]
            objects += [each.object for each in file.objects]
            texts += [document_of(each, file) for each in file.objects]
    errors = [*(str(each) for each in sorted(problems) if each.severity is Severity.ERROR), *errors, *_twice(objects)]
    warnings = [each for each in sorted(problems) if each.severity is not Severity.ERROR and each.code != NOT_USED]
    return Given(tuple(objects), tuple(texts), tuple(errors), tuple(map(str, warnings)))


def _problems(file: ObjectFile) -> dict[int, list[Problem]]:
    """What each document has wrong by itself."""
    return {
        index: [
            replace(each, file=file.name, line=document.line + each.line - 1)
            for each in parse_document(document.text).problems
        ]
        for index, document in enumerate(file.documents)
    }


def _has_error(problems: Iterable[Problem]) -> bool:
    return any(each.severity is Severity.ERROR for each in problems)


def _not_ours(other: Other) -> str:
    where, data = f"{other.place.file}:{other.place.line}: error: ", other.data
    if not isinstance(data, dict) or not data.get("kind"):
        return f"{where}this is no object: it needs apiVersion, kind and metadata.name"
    return f"{where}{data['kind']} ({data.get('apiVersion', 'without apiVersion')}) {NOT_OURS}"


def _twice(objects: Iterable[Object]) -> Iterator[str]:
    first: dict[ObjectId, Object] = {}
    for each in objects:
        there, here = first.setdefault(each.id, each), f"{each.place.file}:{each.place.line}"
        if there is not each:
            place = f"{there.place.file}:{there.place.line}"
            yield f"{here}: error: {each.id} is given in {place} already; remove one of the two"
