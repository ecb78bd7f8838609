"""What a session may keep the speaker busy for, in seconds of work, with a clock that the test turns."""

from __future__ import annotations

from reflector.transport.budget import REFILL, RESERVE, Budget

STEP = 0.01


def after(seconds: float, part: float, budget: Budget) -> Budget:
    """The budget of a session that keeps the speaker busy for this part of the time."""
    for step in range(round(seconds / STEP)):
        budget.charge(part * STEP, step * STEP)
    return budget


def test_a_session_that_takes_less_than_its_refill_is_never_overdrawn() -> None:
    assert not after(600.0, REFILL * 0.9, Budget(0.0)).is_overdrawn(600.0)


def test_a_session_that_takes_all_of_the_time_is_overdrawn_when_its_reserve_is_spent() -> None:
    assert not after(RESERVE * 0.9, 1.0, Budget(0.0)).is_overdrawn(RESERVE * 0.9)
    assert after(RESERVE * 1.5, 1.0, Budget(0.0)).is_overdrawn(RESERVE * 1.5)


def test_it_comes_back_however_long_it_was_overdrawn() -> None:
    once, long = after(2.0, 1.0, Budget(0.0)), after(200.0, 1.0, Budget(0.0))
    assert once.is_overdrawn(2.0)
    assert not once.is_overdrawn(2.0 + 6.0)
    assert long.is_overdrawn(200.0)
    assert not long.is_overdrawn(200.0 + 6.0)


def test_what_makes_the_table_larger_costs_nothing_and_may_be_spent_once_more() -> None:
    budget = Budget(0.0)
    budget.charge_table(30.0)
    assert not budget.is_overdrawn(0.0)
    budget.charge(30.0, 0.0)
    assert not budget.is_overdrawn(0.0), "the whole table has been announced once more"
    budget.charge(2 * RESERVE, 0.0)
    assert budget.is_overdrawn(0.0)


def test_a_table_that_comes_on_each_new_connection_is_the_same_table() -> None:
    budget = Budget(0.0)
    for _ in range(10):
        budget.begin_table()
        budget.charge_table(3.0)
    assert budget.room == RESERVE + 3.0
