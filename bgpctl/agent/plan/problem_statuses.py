"""Problems as the agent's status has them."""

from __future__ import annotations

from bgpctl.yaml_source.problem import Problem
from reflector.messages import ProblemStatus


def error_status(message: str) -> ProblemStatus:
    """An error that no line of a file is to blame for."""
    return ProblemStatus("error", "", 0, "", message)


def warning_status(message: str) -> ProblemStatus:
    """Likewise."""
    return ProblemStatus("warning", "", 0, "", message)


def problem_statuses(problems: tuple[Problem, ...]) -> tuple[ProblemStatus, ...]:
    """Errors first: the first one is what a single log line names."""
    return tuple(
        ProblemStatus(problem.severity.value, problem.file, problem.line, problem.path, problem.message)
        for problem in sorted(problems, key=lambda problem: problem.severity.value)
    )
