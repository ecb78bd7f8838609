"""The list and watch of one kind, as a transcript: what the API server answers, and what is asked next."""

from __future__ import annotations

import pytest

from bgpctl.kubernetes.collection import (
    ABSENT_FOR,
    LOOK_AGAIN,
    Change,
    Collection,
    Event,
    List,
    Page,
    Wait,
    Watch,
)
from bgpctl.kubernetes.failure import Cause, Failure, of_status
from bgpctl.kubernetes.intervals import USUAL
from bgpctl.kubernetes.pauses import FIRST, LONGEST, Pauses

AWAY = Failure(Cause.UNREACHABLE, "connection refused")
GONE = of_status(410, "too old resource version")
FORBIDDEN = of_status(403, "no")
NOT_FOUND = of_status(404, "page not found")


def collection(*, watch_list: bool = False) -> Collection:
    """Whose pauses are as long as they can be."""
    return Collection(Pauses(lambda: 1.0), watch_list=watch_list)


def page(*names: str, version: str = "10", more: str = "") -> Page:
    return Page(tuple((name, f"{name} of {version}") for name in names), version, more)


def added(name: str, text: str = "new", version: str = "11") -> Event:
    return Event(Change.ADDED, version, name, text)


def listed(*names: str) -> Collection:
    """All known, and the watch may begin."""
    found = collection()
    assert found.listed(page(*names), 0)
    return found


def waits(it: Collection, now: float) -> float:
    step = it.step(now)
    assert isinstance(step, Wait)
    return step.seconds


# ---------------------------------------------------------------------------------------------- list


def test_nothing_is_known_before_the_last_page() -> None:
    it = collection()
    assert it.step(0) == List()
    assert not it.listed(page("a", more="token"), 0)
    assert (it.objects, it.is_settled, it.step(0)) == ({}, False, List("token"))
    assert it.listed(page("b"), 0)
    assert (sorted(it.objects), it.is_settled, it.step(0)) == (["a", "b"], True, Watch("10"))


def test_a_list_goes_on_where_the_connection_broke() -> None:
    it = collection()
    it.listed(page("a", more="token"), 0)
    it.failed(AWAY, 0)
    assert it.step(FIRST) == List("token")
    it.listed(page("b"), 1)
    assert sorted(it.objects) == ["a", "b"]


def test_a_list_whose_token_is_forgotten_begins_anew() -> None:
    it = collection()
    it.listed(page("a", more="token"), 0)
    it.failed(GONE, 0)
    assert it.step(0) == List()
    it.listed(page("b"), 0)
    assert list(it.objects) == ["b"]


def test_a_list_that_is_forgotten_at_once_each_time_is_asked_for_less_often() -> None:
    it = collection()
    it.failed(GONE, 0)
    assert it.step(0) == List()
    it.failed(GONE, 0)
    assert it.step(0) == Wait(FIRST)


# --------------------------------------------------------------------------------------------- watch


def test_events_change_single_objects() -> None:
    it = listed("a", "b")
    assert it.observed(added("c"), 1)
    assert it.observed(Event(Change.MODIFIED, "12", "a", "other"), 1)
    assert it.observed(Event(Change.DELETED, "13", "b"), 1)
    assert it.objects == {"a": "other", "c": "new"}
    it.ended(100)
    assert it.step(100) == Watch("13")


def test_an_event_that_changes_nothing_that_is_read_is_no_change() -> None:
    it = listed("a")
    assert not it.observed(Event(Change.MODIFIED, "14", "a", "a of 10"), 1)
    it.ended(100)
    assert it.step(100) == Watch("14"), "the watch goes on from it nevertheless"


def test_bookmarks_move_the_version_and_nothing_else() -> None:
    it = listed("a")
    assert not it.observed(Event(Change.BOOKMARK, "99"), 1)
    it.failed(AWAY, 1)
    assert it.step(2) == Watch("99")


def test_a_forgotten_version_leads_to_a_list_and_the_objects_stay_until_it_is_complete() -> None:
    it = listed("a", "b")
    assert not it.failed(GONE, 1)
    assert (it.step(1), sorted(it.objects), it.failure) == (List(), ["a", "b"], None)
    assert not it.listed(page("a", more="token"), 1)
    assert sorted(it.objects) == ["a", "b"]
    assert it.listed(page("c"), 1)
    assert sorted(it.objects) == ["a", "c"]


def test_a_new_list_of_the_same_objects_is_no_change() -> None:
    it = listed("a", "b")
    kept = dict(it.objects)
    it.failed(GONE, 1)
    assert not it.listed(Page(tuple((name, str(text)) for name, text in kept.items()), "20"), 1)
    assert all(it.objects[name] is kept[name] for name in kept)


def test_a_watch_that_ends_at_once_without_an_event_is_not_repeated_at_once() -> None:
    it = listed("a")
    assert it.step(5) == Watch("10")
    it.ended(5.1)
    assert isinstance(it.step(5.1), Wait)
    assert it.step(5.1 + FIRST) == Watch("10")


def test_a_watch_that_ends_after_its_time_is_repeated_at_once() -> None:
    it = listed("a")
    it.step(5)
    it.ended(305)
    assert it.step(305) == Watch("10")


# ----------------------------------------------------------------------- watches that begin with all


def test_a_watch_may_begin_with_all_objects() -> None:
    it = collection(watch_list=True)
    assert it.step(0) == Watch()
    assert not it.observed(added("a"), 0)
    assert not it.observed(added("b"), 0)
    assert (it.objects, it.is_following) == ({}, False)
    assert it.observed(Event(Change.BOOKMARK, "30", is_all=True), 0)
    assert (sorted(it.objects), it.is_following) == (["a", "b"], True)
    assert it.observed(added("c"), 0)


def test_where_that_is_not_supported_a_list_comes_first() -> None:
    it = collection(watch_list=True)
    it.failed(of_status(422, "sendInitialEvents is forbidden", begins_with_all=True), 0)
    assert (it.step(0), it.failure) == (List(), None)


def test_an_api_server_that_does_not_say_that_all_have_come_is_asked_for_a_list() -> None:
    it = collection(watch_list=True)
    it.step(0)
    it.observed(added("a"), 0)
    it.ended(60)
    assert (it.step(60), it.is_settled) == (List(), False)


def test_objects_of_a_watch_that_broke_before_all_had_come_do_not_count() -> None:
    it = collection(watch_list=True)
    it.step(0)
    it.observed(added("a"), 0)
    it.failed(AWAY, 0)
    assert it.step(FIRST) == Watch()
    it.observed(added("b"), 1)
    it.observed(Event(Change.BOOKMARK, "30", is_all=True), 1)
    assert list(it.objects) == ["b"]


def test_a_forgotten_version_leads_to_such_a_watch_and_the_objects_stay() -> None:
    it = collection(watch_list=True)
    it.step(0)
    it.observed(added("a"), 0)
    it.observed(Event(Change.BOOKMARK, "30", is_all=True), 0)
    it.failed(GONE, 1)
    assert it.step(1) == Watch()
    it.observed(added("b"), 1)
    assert list(it.objects) == ["a"]
    assert it.observed(Event(Change.BOOKMARK, "40", is_all=True), 1)
    assert list(it.objects) == ["b"]


# ------------------------------------------------------------------------------------------ failures


def test_objects_stay_while_the_api_server_is_away_and_pauses_grow() -> None:
    it = listed("a")
    pauses = []
    now = 0.0
    for _ in range(12):
        it.failed(AWAY, now)
        pauses.append(waits(it, now))
        now += pauses[-1]
    assert pauses[:3] == pytest.approx([FIRST, 2 * FIRST, 4 * FIRST])
    assert max(pauses) == pytest.approx(LONGEST)
    assert (list(it.objects), it.failure, it.failing_since) == (["a"], AWAY, 0.0)


def test_the_first_success_ends_the_failure_and_the_pauses() -> None:
    it = listed("a")
    for _ in range(5):
        it.failed(AWAY, 0)
    assert it.opened()
    assert it.failure is None
    it.failed(AWAY, 100)
    assert waits(it, 100) == pytest.approx(FIRST)


def test_retry_after_is_the_least() -> None:
    it = listed("a")
    it.failed(of_status(429, "storage is initializing", "7"), 0)
    assert it.step(0) == Wait(7 + FIRST)
    it.failed(of_status(503, "shutting down", "Wed, 21 Oct 2026 07:28:00 GMT"), 20)
    assert waits(it, 20) == pytest.approx(2 * FIRST)


def test_pauses_are_between_half_and_the_whole() -> None:
    assert [Pauses(lambda chance=chance: chance).next() for chance in (0.0, 1.0)] == [FIRST / 2, FIRST]  # type: ignore[misc]


def test_forbidden_at_first_is_settled_and_asked_again_later() -> None:
    it = collection()
    assert it.failed(FORBIDDEN, 0)
    assert (it.is_settled, it.is_known, it.failed_watch, it.step(0)) == (True, False, False, Wait(USUAL.not_served))
    assert it.listed(page("a"), USUAL.not_served)
    assert (it.is_known, it.failure) == (True, None)


def test_forbidden_after_that_leaves_the_objects() -> None:
    it = listed("a")
    it.failed(FORBIDDEN, 0)
    assert (list(it.objects), it.is_known, it.failed_watch) == (["a"], True, True)


def test_who_may_list_and_not_watch_lists_from_time_to_time_and_the_failure_stays() -> None:
    it = collection(watch_list=True)
    it.failed(FORBIDDEN, 0)
    assert (it.step(0), it.is_settled) == (List(), False), "a watch with all objects needs the verb watch alone"
    it.listed(page("a"), 0)
    assert it.step(0) == Watch("10")
    it.failed(FORBIDDEN, 0)
    assert it.step(0) == Wait(USUAL.not_served)
    assert it.step(USUAL.not_served) == List()
    it.listed(page("a", "b"), USUAL.not_served)
    assert (sorted(it.objects), it.failure) == (["a", "b"], FORBIDDEN)
    assert it.step(USUAL.not_served) == Watch("10")
    assert it.opened()
    assert it.failure is None


def test_a_kind_that_is_not_installed_has_no_objects_and_is_looked_for_again() -> None:
    it = collection()
    assert it.failed(NOT_FOUND, 0)
    assert (it.is_settled, it.is_known, it.objects, it.step(0)) == (True, True, {}, Wait(USUAL.not_served))
    assert it.step(USUAL.not_served) == List()


def test_a_kind_that_goes_away_keeps_its_objects_for_a_while() -> None:
    it = listed("a")
    now = 0.0
    while now < ABSENT_FOR:
        it.failed(NOT_FOUND, now)
        assert list(it.objects) == ["a"]
        assert it.step(now) == Wait(LOOK_AGAIN)
        now += LOOK_AGAIN
    assert it.failed(NOT_FOUND, now)
    assert it.objects == {}


def test_a_kind_that_comes_back_in_time_has_never_been_away() -> None:
    it = listed("a")
    it.failed(NOT_FOUND, 0)
    it.listed(page("a"), LOOK_AGAIN)
    it.failed(NOT_FOUND, 100)
    it.failed(NOT_FOUND, 100 + ABSENT_FOR - 1)
    assert list(it.objects) == ["a"]


def test_an_empty_list_where_there_were_objects_counts_when_a_second_one_is_empty_too() -> None:
    it = listed("a")
    it.failed(GONE, 0)
    assert not it.listed(page(), 0)
    assert (list(it.objects), it.is_following, it.step(0)) == (["a"], False, Wait(LOOK_AGAIN))
    assert it.listed(page(), LOOK_AGAIN)
    assert it.objects == {}


def test_an_empty_list_between_two_full_ones_is_not_seen() -> None:
    it = listed("a")
    it.failed(GONE, 0)
    it.listed(page(), 0)
    assert not it.listed(Page((("a", "a of 10"),), "50"), LOOK_AGAIN)
    assert list(it.objects) == ["a"]


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        (401, Cause.UNAUTHORIZED),
        (403, Cause.FORBIDDEN),
        (404, Cause.ABSENT),
        (410, Cause.EXPIRED),
        (429, Cause.UNAVAILABLE),
        (500, Cause.UNAVAILABLE),
        (503, Cause.UNAVAILABLE),
        (422, Cause.REFUSED),
        (409, Cause.CONFLICT),
    ],
)
def test_causes_of_status(status: int, cause: Cause) -> None:
    assert of_status(status, "").cause is cause
