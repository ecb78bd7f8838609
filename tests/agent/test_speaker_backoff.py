"""The pause before a speaker is started again."""

from bgpctl.daemon.backoff import Backoff


def test_pauses_double_up_to_the_longest() -> None:
    backoff = Backoff()
    pauses = [backoff.after_failure(ran_for=0.1) for _ in range(10)]
    assert pauses == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0]


def test_a_good_run_starts_from_the_beginning() -> None:
    backoff = Backoff()
    for _ in range(5):
        backoff.after_failure(ran_for=0.1)
    assert [backoff.after_failure(ran_for=60.0), backoff.after_failure(ran_for=59.9)] == [0.2, 0.4]
