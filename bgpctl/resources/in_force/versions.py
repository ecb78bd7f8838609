"""The versions of resources that are in force, each with the place and the text it came from.

They outlive the agent as text (`texts`, `versions_of_texts`): reading it again gives the same versions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from functools import cached_property

from bgpctl.resources.kinds.kubernetes import Secret
from bgpctl.resources.reading.parse import (
    ParsedFile,
    PlacedDocument,
    PlacedResource,
    parse_documents,
    with_merged_nodes,
)
from bgpctl.resources.resource_set import ResourceSet, Version
from bgpctl.resources.values.model import Key
from bgpctl.yaml_source.documents import is_separator

# Kind and key.
ResourceId = tuple[str, Key]
# A Node may stand in two documents: Calico's and Kubernetes'.
Placed = tuple[PlacedResource, ...]
SEPARATOR = "---\n"


@dataclass(frozen=True)
class Versions:
    """`resources` are those of `files`, but for what `instead` names: an older version, or () for none."""

    resources: ResourceSet = field(default_factory=ResourceSet)
    files: Mapping[str, ParsedFile] = field(default_factory=dict, repr=False, compare=False)
    instead: Mapping[ResourceId, Placed] = field(default_factory=dict, repr=False, compare=False)

    @property
    def is_empty(self) -> bool:
        """Nothing is known from before."""
        return not self.files and not self.instead

    @cached_property
    def placed(self) -> Mapping[ResourceId, Placed]:
        found = placed_in(self.files.values())
        found.update(self.instead)
        return {resource_id: placed for resource_id, placed in found.items() if placed}


def placed_in(files: Iterable[ParsedFile]) -> dict[ResourceId, Placed]:
    """The first of each kind, key and way of writing it."""
    found: dict[ResourceId, Placed] = {}
    for file in files:
        for here in file.resources:
            resource_id = here.identity[:2]
            others = found.get(resource_id, ())
            if all(each.identity != here.identity for each in others):
                found[resource_id] = (*others, here)
    return found


def documents_in_force(versions: Versions, kinds: Set[str]) -> dict[ResourceId, str]:
    """The document of each resource of these kinds, which are written in one document each."""
    found = {
        here.identity[:2]: here.document_text
        for file in versions.files.values()
        for here in file.resources
        if here.identity[0] in kinds
    }
    for resource_id, placed in versions.instead.items():
        if resource_id[0] in kinds:
            found.pop(resource_id, None)
            found.update((resource_id, here.document_text) for here in placed)
    return found


def version_of(placed: Placed) -> Version | None:
    """The resource that its documents make together; None of ()."""
    return list(with_merged_nodes(placed))[-1] if placed else None


def texts(versions: Versions, secrets: Set[Key]) -> dict[str, str]:
    """File -> documents, those of older versions first: of two of one name the first one counts. Documents with
    Secrets other than these are left out."""
    found: dict[str, dict[str, None]] = {}
    for here in (here for placed in versions.instead.values() for here in placed):
        if not _is_spare(here, secrets):
            found.setdefault(here.location.file, {})[here.document_text] = None
    for name, file in versions.files.items():
        if versions.instead or any(_is_spare(here, secrets) for here in file.resources):
            current = (each.text for each in file.documents if not _is_left_out(each, versions, secrets))
            found.setdefault(name, {}).update(dict.fromkeys(current))
        else:
            found[name] = {file.text: None}
    return {name: _joined(documents) for name, documents in found.items()}


def versions_of_texts(written: Mapping[str, str]) -> Versions:
    """The inverse, as far as this release reads the texts."""
    loaded = parse_documents(written.items())
    return Versions(loaded.resources, loaded.files)


def _is_left_out(document: PlacedDocument, versions: Versions, secrets: Set[Key]) -> bool:
    """Nothing that stands in it is in force, or it has a Secret that no session needs."""
    is_replaced = all(here.identity[:2] in versions.instead for here in document.resources)
    return is_replaced or any(_is_spare(here, secrets) for here in document.resources)


def _is_spare(here: PlacedResource, secrets: Set[Key]) -> bool:
    resource = here.parsed.resource
    return isinstance(resource, Secret) and resource.key not in secrets


def _joined(documents: Iterable[str]) -> str:
    """One text; a document begins with its separator, or is given one."""
    parts = [each if is_separator(each, 0) else SEPARATOR + each for each in documents if each]
    return "".join(each if each.endswith("\n") else each + "\n" for each in parts)
