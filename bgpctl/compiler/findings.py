"""What the compiler finds: a Problem at the resource that it follows from.

The resources have been validated before they come here, so these are the findings that only show for a node or
for a whole cluster: a Secret that is missing, two resources that define one session.
"""

from __future__ import annotations

from bgpctl.resources.resource_set import ResourceSet, resource_id
from bgpctl.resources.values.model import Resource
from bgpctl.yaml_source.problem import Problem, Severity


class Findings:
    """Collects the problems of one compilation; the same finding twice counts once."""

    def __init__(self, resources: ResourceSet) -> None:
        self._resources = resources
        self._found: set[Problem] = set()

    def warn(self, resource: Resource | None, path: str, code: str, message: str) -> None:
        """`resource` None: the finding concerns the cluster as a whole."""
        location = self._resources.location(resource) if resource else None
        self._found.add(
            Problem(
                file=location.file if location else "",
                line=location.line if location else 0,
                resource=_display(resource) if resource else "",
                path=path,
                code=code,
                message=message,
                severity=Severity.WARNING,
            )
        )

    def sorted(self) -> tuple[Problem, ...]:
        return tuple(sorted(self._found))


def _display(resource: Resource) -> str:
    kind, key = resource_id(resource)
    return "/".join((kind, *((key,) if isinstance(key, str) else key)))
