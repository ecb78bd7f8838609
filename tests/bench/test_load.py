"""The load reports what happened: against a floor that forwards all, and against reflectors with one fault each."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from labs.bench.reflection import messages
from labs.bench.reflection.case import Case
from labs.bench.reflection.daemons import Daemon, fanout
from labs.bench.reflection.load import Load, build
from labs.bench.reflection.segment import REFLECTOR, Segment

HERE = Path(__file__).parent
SOURCES = HERE.parents[1] / "labs/bench/reflection"
DELAY = 0.1
pytestmark = [pytest.mark.netns, pytest.mark.usefixtures("needs_bench")]


def crooked(fault: str) -> Daemon:
    def command(case: Case, _: Path) -> list[str]:
        return [sys.executable, str(HERE / "crooked_reflector.py"), case.link.reflector, fault]

    return Daemon(f"crooked by {fault}", sys.executable, "none", command)


@contextmanager
def connected(reflector: Daemon, case: Case, directory: Path, record: bool = False) -> Iterator[Load]:
    """All measured clients are Established."""
    with Segment(case) as segment:
        segment.start(REFLECTOR, reflector.prepare(case, directory), directory / "reflector.log")
        load = Load(segment, case, build(SOURCES / "load.c"), directory, record)
        outcome = load.connect(list(messages.opens(case, range(case.clients))), 5, 10)
        assert outcome.done, (directory / "reflector.log").read_text()
        yield load


@pytest.mark.parametrize("case", [Case(5, 3), Case(3, 2000), Case(5, 3, 6), Case(3, 2000, 6)], ids=str)
def test_tables_arrive_at_every_client_and_nothing_else_does(case: Case, tmp_path: Path) -> None:
    with connected(fanout(build(SOURCES / "fanout.c")), case, tmp_path) as load:
        outcome = load.play(list(messages.tables(case)), 10)
    assert outcome.done
    assert (outcome.wrong, outcome.duplicates) == (0, 0)


def test_a_late_joiner_is_waited_for_until_it_has_the_whole_table(tmp_path: Path) -> None:
    case = Case(4, 100)
    with connected(fanout(build(SOURCES / "fanout.c")), case, tmp_path, record=True) as load:
        load.play(list(messages.tables(case)), 10)
        outcome = load.connect(list(messages.opens(case, [case.late_joiner])), 5, 10)
        assert load.recorded is not None
        received = [octets for client, octets in messages.read_messages(load.recorded) if client == case.late_joiner]
    assert outcome.done
    assert b"".join(received) == b"".join(octets for _, octets in messages.tables(case))


def test_a_withdrawal_is_over_when_no_other_client_has_the_prefixes(tmp_path: Path) -> None:
    case = Case(4, 100)
    with connected(fanout(build(SOURCES / "fanout.c")), case, tmp_path) as load:
        load.play(list(messages.tables(case)), 10)
        outcome = load.play(list(messages.withdrawal(case, 2)), 10)
    assert outcome.done
    assert outcome.wrong == 0


def test_a_lost_prefix_is_missed_by_every_other_client(tmp_path: Path) -> None:
    case = Case(4, 10)
    with connected(crooked("drop"), case, tmp_path) as load:
        outcome = load.play(list(messages.tables(case)), 0.5)
    assert not outcome.done
    assert outcome.wrong == case.clients - 1


def test_a_prefix_told_twice_is_counted(tmp_path: Path) -> None:
    """By all others; the last UPDATEs may still be on their way when everyone has everything."""
    case = Case(4, 10)
    with connected(crooked("repeat"), case, tmp_path) as load:
        outcome = load.play(list(messages.tables(case)), 10)
    assert outcome.done
    assert 0 < outcome.duplicates <= case.clients * (case.clients - 1) * case.prefixes


def test_a_session_that_ends_ends_the_command(tmp_path: Path) -> None:
    case = Case(4, 10)
    with connected(crooked("hang-up"), case, tmp_path) as load:
        outcome = load.play(list(messages.tables(case)), 10)
    assert not outcome.done
    assert outcome.lost > 0
    assert outcome.seconds < 5


def test_latency_is_from_when_an_update_was_due(tmp_path: Path) -> None:
    case = Case(3, 4)
    with connected(crooked("delay"), case, tmp_path) as load:
        load.play(list(messages.tables(case)), 10)
        outcome = load.pace(list(messages.churn(case, 1, 60)), 200, 10)
    assert outcome.done
    assert outcome.samples == 60 * (case.clients - 1)
    assert DELAY <= outcome.p50 <= outcome.p99 <= outcome.max


def test_an_update_that_was_overtaken_by_the_next_of_its_prefix_has_arrived_with_it(tmp_path: Path) -> None:
    case, count = Case(2, 1), 40
    with connected(crooked("gather"), case, tmp_path, record=True) as load:
        load.play(list(messages.tables(case)), 10)
        outcome = load.pace(list(messages.churn(case, 1, count)), 200, 10)
        assert load.recorded is not None
        received = len(list(messages.read_messages(load.recorded)))
    assert outcome.done
    assert outcome.samples == count * (case.clients - 1)
    assert received < count
    assert outcome.max >= DELAY
