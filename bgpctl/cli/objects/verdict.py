"""What a change of objects would do to the cluster before it is written, in the words of `bgpctl diff` and `validate`.

Two states are compared, the datastore as it is and with the change: what differs on the nodes, which pairs of nodes
lose each other, what agents would hold (change.py), and what the guardrails find that they did not find before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bgpctl.brake.forecast import HeldForecast, Outcome
from bgpctl.cli.change import Change, Side, change_between
from bgpctl.cli.change_text import change_data, loss_lines
from bgpctl.compiler import CompileOptions
from bgpctl.guardrails import check_cluster
from bgpctl.kubernetes.access import Access
from bgpctl.objects.store import Prepared
from bgpctl.plan_diff.text import render_difference
from bgpctl.resources import Loaded, parse_documents
from bgpctl.resources.checks.transition_rules import transition_problems
from bgpctl.resources.in_force.in_force import in_force
from bgpctl.yaml_source.problem import Problem, Severity

NO_CHANGE, CHANGE, ERROR, LOSS = 0, 1, 2, 3
MOST_FINDINGS = 10
# What a cluster has that the role does not read.
FORBIDDEN = "cluster-forbidden"


@dataclass(frozen=True, slots=True)
class Verdict:
    """errors     what Calico or our rules refuse of the new state, and did not of the old one
    findings      what the guardrails find now, and did not before
    unread        what was not looked at, so that the rest of it all may be wrong
    """

    change: Change
    errors: tuple[Problem, ...] = ()
    findings: tuple[Problem, ...] = ()
    unread: tuple[Problem, ...] = ()

    @property
    def breaks(self) -> tuple[Problem, ...]:
        """With which traffic breaks for certain."""
        return tuple(each for each in self.findings if each.severity is Severity.ERROR)

    @property
    def is_loss(self) -> bool:
        return self.change.is_loss or bool(self.breaks)

    @property
    def held(self) -> tuple[HeldForecast, ...]:
        return tuple(each for each in self.change.forecasts if each.outcome is Outcome.HELD)

    @property
    def status(self) -> int:
        """As `bgpctl diff` has it."""
        if self.errors:
            return ERROR
        if self.is_loss:
            return LOSS
        return CHANGE if self.change.difference else NO_CHANGE


def judge(place: Path | Access, prepared: Prepared, options: CompileOptions) -> Verdict:
    """Raises NotReadyError when the datastore cannot be read, or when nothing can be compiled of it."""
    before, options = _before(place, options)
    sources = {name: file.text for name, file in before.files.items()}
    for name, text in prepared.sources.items():
        if text is None:
            sources.pop(name, None)
        else:
            sources[name] = text
    after = parse_documents(sorted(sources.items()), before)
    old, new = Side("the datastore", before, options), Side("the datastore with this change", after, options)
    change = change_between(old, new, options)
    known = {_fingerprint(each) for each in before.problems}
    errors = (
        *(each for each in after.problems if each.severity is Severity.ERROR and _fingerprint(each) not in known),
        *transition_problems(before.resources, after.resources),
    )
    return Verdict(
        change,
        tuple(_without_line(errors, place)),
        tuple(_without_line(_new_findings(before, after, options), place)),
        tuple(each for each in before.problems if each.code == FORBIDDEN),
    )


def _before(place: Path | Access, options: CompileOptions) -> tuple[Loaded, CompileOptions]:
    """Of a cluster without its Secrets: what they hold does not change by what is written here."""
    if isinstance(place, Path):
        from bgpctl.datastore.directory import read_directory

        return read_directory(place), options
    from bgpctl.datastore.kubernetes import ClusterOptions, read_cluster

    return read_cluster(place, replace(ClusterOptions.of(options), secret_values=False)), replace(
        options, keys_by_reference=True
    )


def _new_findings(before: Loaded, after: Loaded, options: CompileOptions) -> list[Problem]:
    known = {_fingerprint(each) for each in check_cluster(in_force(before).resources, options)}
    found = check_cluster(in_force(after).resources, options)
    return [each for each in found if _fingerprint(each) not in known]


def _fingerprint(problem: Problem) -> tuple[str, ...]:
    return problem.resource, problem.path, problem.code, problem.message


def _without_line(problems: Iterable[Problem], place: Path | Access) -> list[Problem]:
    """An object of an API server has none."""
    return [each if isinstance(place, Path) else replace(each, line=0) for each in problems]


def problem_lines(verdict: Verdict) -> Iterator[str]:
    """The errors, and of what the guardrails find the worst: a change of one object may concern every node."""
    yield from map(str, verdict.errors)
    findings = sorted(verdict.findings, key=lambda each: each.severity is not Severity.ERROR)
    yield from map(str, findings[:MOST_FINDINGS])
    if (more := len(findings) - MOST_FINDINGS) > 0:
        yield f"and {more} more such findings"


def verdict_text(verdict: Verdict) -> str:
    """As `bgpctl diff` prints it, with what the guardrails find in front."""
    parts = [
        "".join(f"{line}\n" for line in problem_lines(verdict)),
        "".join(f"{line}\n" for line in loss_lines(verdict.change)),
        render_difference(verdict.change.difference),
    ]
    return "\n".join(part for part in parts if part)


def verdict_data(verdict: Verdict) -> dict[str, Any]:
    return {
        "problems": [*verdict.errors, *verdict.findings],
        "not_read": verdict.unread,
        **change_data(verdict.change, full=False),
    }
