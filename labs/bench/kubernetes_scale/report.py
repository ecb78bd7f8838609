"""The figures as people read them, and what is wrong whatever the machine."""

from __future__ import annotations

from labs.bench.kubernetes_scale.figures import Line, lines
from labs.bench.kubernetes_scale.results import Results


def print_results(results: Results) -> None:
    machine = results.machine
    print(
        f"{machine.date}, {machine.cores} cores of {machine.model}, {machine.memory / 1024:.0f} GiB, "
        f"Python {machine.python}; load average {machine.load[0]:.1f} at the start, {machine.load[1]:.1f} at the end"
    )
    print(f"{results.nodes:,} Nodes, {results.blocks:,} blocks\n")
    for line in lines(results):
        print(_text(line))
    if results.wrong:
        print(f"{len(results.wrong)} plans are not what compiling gives, the first of {results.wrong[0]}")
    else:
        print("every plan is what compiling the resources gives")


def misses(results: Results) -> list[str]:
    """What is wrong, whatever the machine: a plan, or a write that should not be."""
    found = [f"the plan of {name} is wrong" for name in results.wrong]
    for name, some in results.changes.items():
        found += [
            f"{name}: {each.written} plans were written, {each.differ} differ" for each in some if not each.is_exact
        ]
    for name, rest in (("at rest", results.rest), ("heartbeats", results.heartbeats and results.heartbeats.rest)):
        if rest is not None and rest.writes:
            found.append(f"{name}: {rest.writes} plans were written")
    return found


def _text(line: Line) -> str:
    verdict = "" if line.limit is None else f"at most {line.limit:g}: {'met' if line.value <= line.limit else 'MISSED'}"
    figure = f"{line.value:,.2f} {line.unit}"
    return f"{line.what:62} {figure:>24}  {verdict:20} {line.note}".rstrip()
