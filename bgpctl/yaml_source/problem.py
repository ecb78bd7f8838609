"""What is wrong in a file, in words with which its author can correct it.

A Problem names the file, the line, the resource and the field (`$.spec.peerIP`) and what to do. An ERROR makes what it
is about unusable; a WARNING leaves it as it is. Codes are stable: scripts and tests may rely on them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bgpctl.yaml_source.shown import LONGEST_MESSAGE, LONGEST_NAME, printable, shortened


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Location:
    """Where a resource stands: the file as its source named it, and the line (from 1) it begins on."""

    file: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One finding.

    file       as the source named it; "" when there is none
    line       counted from 1; 0 when the whole file is meant
    resource   "BGPPeer/tor-1", "Secret/kube-system/bgp"; "" when the text is not a resource
    path       "$" for the whole resource, else "$.spec.filters[0]"
    code       a stable word such as "unknown-field", which has a page; "" in a file of a lab
    message    a sentence; what is too long for one is shortened
    """

    file: str
    line: int
    resource: str
    path: str
    code: str
    message: str
    severity: Severity = Severity.ERROR

    def __post_init__(self) -> None:
        if len(self.message) > LONGEST_MESSAGE:
            object.__setattr__(self, "message", shortened(self.message))

    def __str__(self) -> str:
        place = ":".join(part for part in (self.file, str(self.line or "")) if part)
        subject = " ".join(shortened(part, LONGEST_NAME) for part in (self.resource, self.path) if part)
        code = f" [{self.code}]" if self.code else ""
        return printable(f"{place}: {self.severity}: {subject}: {self.message}{code}")


def has_errors(problems: tuple[Problem, ...]) -> bool:
    """Whether anything stands in the way of using the resources."""
    return any(problem.severity is Severity.ERROR for problem in problems)
