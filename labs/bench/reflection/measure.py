"""One run: one reflector, one case, all figures in the order in which a cluster would see them.

Sessions come up; every client announces its prefixes; prefixes change at a rate; a client joins late; a client
withdraws all it has; nothing happens for a while. A step that exceeds its limit ends the run: later figures would
measure the backlog of this one.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import msgspec

from labs.bench.reflection import messages
from labs.bench.reflection.case import Case
from labs.bench.reflection.daemons import Daemon
from labs.bench.reflection.load import LIMIT, WINDOW, Load, LoadError, LoadResult
from labs.bench.reflection.segment import LOAD, REFLECTOR, Segment

CHURN_SECONDS = 3
CHURN_RATES = (100, 1000)
IDLE_SECONDS = 10


class Run(msgspec.Struct):
    """What one run gave; None for what was not reached. Times are seconds, memory octets.

    established   from the reflector's first OPEN until all clients are Established
    started       from the start of the daemon's process, with the reading of its configuration
    reconnects    sessions that were lost on the way
    converged     from the first UPDATE until every client has every other client's prefixes
    duplicates    NLRI that clients received twice during that
    churn         by UPDATEs a second
    late_joiner   from its TCP connection until it has the whole table
    withdrawn     from a client's withdrawal until no other client has its prefixes
    idle          share of one core that the sessions cost when no peer sends a route
    cpu           of the convergence; cpu_total of the whole run with the daemon's start
    load_cpu      of the convergence: near `converged`, the load was what limited it
    failure       why the run ended early, "" if it did not
    """

    daemon: str
    case: str
    established: float | None = None
    started: float | None = None
    reconnects: int = 0
    converged: float | None = None
    duplicates: int | None = None
    octets: int | None = None
    churn: dict[int, LoadResult] = {}
    late_joiner: float | None = None
    withdrawn: float | None = None
    idle: float | None = None
    wrong: int = 0
    cpu: float | None = None
    cpu_total: float | None = None
    load_cpu: float | None = None
    peak_rss: int | None = None
    failure: str = ""


class _StepFailedError(Exception):
    pass


def measure(daemon: Daemon, case: Case, load_program: Path, steps: frozenset[str]) -> Run:
    """`steps` beside set-up and convergence: any of "churn", "late", "withdraw", "idle"."""
    run = Run(daemon.name, str(case))
    with tempfile.TemporaryDirectory(prefix="bench-") as text, Segment(case) as segment:
        directory = Path(text)
        log = directory / "daemon.log"
        process = segment.start(REFLECTOR, daemon.prepare(case, directory), log)
        load = Load(segment, case, load_program, directory)
        try:
            _steps(run, case, segment, load, steps)
        except (_StepFailedError, LoadError) as error:
            ended = f"; {load.last_lines()}" if load.last_lines() else ""
            ended += "" if process.poll() is None else f"; the daemon ended with status {process.returncode}"
            run.failure = f"{error}{ended}{_tail(log)}"
        cost = segment.cost(REFLECTOR)
        run.cpu_total, run.peak_rss = cost.cpu, cost.peak_rss
    return run


def _steps(run: Run, case: Case, segment: Segment, load: Load, steps: frozenset[str]) -> None:
    everyone = range(case.clients)
    outcome = _must(run, "session set-up", load.connect(list(messages.opens(case, everyone)), WINDOW, LIMIT))
    run.established, run.started, run.reconnects = outcome.since_open, outcome.seconds, outcome.lost
    _must(run, "End-of-RIB", load.play(list(messages.ends_of_rib(case, everyone)), LIMIT))
    before, load_before = segment.cost(REFLECTOR).cpu, segment.cost(LOAD).cpu
    outcome = _must(run, "convergence", load.play(list(messages.tables(case)), LIMIT))
    run.converged, run.duplicates, run.octets = outcome.seconds, outcome.duplicates, outcome.octets
    run.cpu, run.load_cpu = segment.cost(REFLECTOR).cpu - before, segment.cost(LOAD).cpu - load_before
    if "churn" in steps:
        _churn(run, case, load)
    if "late" in steps:
        late = list(messages.opens(case, [case.late_joiner]))
        run.late_joiner = _must(run, "late joiner", load.connect(late, WINDOW, LIMIT)).seconds
    if "withdraw" in steps:
        run.withdrawn = _must(run, "withdrawal", load.play(list(messages.withdrawal(case, 0)), LIMIT)).seconds
    if "idle" in steps:
        before = segment.cost(REFLECTOR).cpu
        time.sleep(IDLE_SECONDS)
        run.idle = (segment.cost(REFLECTOR).cpu - before) / IDLE_SECONDS


def _churn(run: Run, case: Case, load: Load) -> None:
    first = 1
    for rate in CHURN_RATES:
        count = rate * CHURN_SECONDS
        outcome = load.pace(list(messages.churn(case, first, count)), rate, CHURN_SECONDS + LIMIT / 2)
        run.churn = run.churn | {rate: outcome}
        _must(run, f"churn of {rate} a second", outcome)
        first += count


def _must(run: Run, step: str, outcome: LoadResult) -> LoadResult:
    run.wrong += outcome.wrong
    if not outcome.done and outcome.lost:
        raise _StepFailedError(f"{step}: {outcome.lost} sessions lost")
    if not outcome.done:
        raise _StepFailedError(f"{step}: > {outcome.seconds:.0f} s, {outcome.wrong} prefixes missing or too many")
    return outcome


def _tail(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return f"; its last line: {lines[-1]}" if lines else ""
