"""What happened to an object, as an Event of the Kubernetes API reports it. Two that are equal are repeats of one."""

from __future__ import annotations

from dataclasses import dataclass

from bgpctl.kubernetes.kinds import ApiKind


@dataclass(frozen=True, slots=True)
class Subject:
    """An object without a namespace: whatever we have something to report of has none."""

    kind: ApiKind
    name: str


@dataclass(frozen=True, slots=True)
class Occurrence:
    """reason       one word, in CamelCase
    note         a sentence in which nothing changes while nothing happens, such as an age
    action       what was done or attempted, one word
    is_warning   somebody has to look at it
    """

    subject: Subject
    reason: str
    note: str
    action: str
    is_warning: bool = True
