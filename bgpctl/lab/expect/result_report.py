"""What a test of a lab has found, for people: one line for every kind of expectation, then all that is not met."""

from __future__ import annotations

from rich.text import Text

from bgpctl.lab.console import BAD, GOOD, lab_console
from bgpctl.lab.expect.convergence import TestResult


def print_result(result: TestResult) -> None:
    """To standard output."""
    console = lab_console()
    for check in result.checks:
        met = check.expected - len(check.failures)
        mark = Text("ok  ", style=GOOD) if not check.failures else Text("FAIL", style=BAD)
        console.print(mark, f"{max(met, 0)} of {check.expected} {check.name}")
        for failure in check.failures:
            console.print(f"       {failure}", highlight=False)
    verdict = "converged after" if result.passed else "not converged after"
    console.print(f"{verdict} {result.seconds:.1f} s")
