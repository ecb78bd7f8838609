"""What waits to be sent to a peer, and the log that an update group shares."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reflector.outbound.outbox import AdvertisementLog, Outbox
from reflector.outbound.slow_peer import KEY_MEMORY, Contents


def drain(outbox: Outbox) -> bytes:
    sent = b""
    while (chunk := outbox.take()) is not None:
        sent += bytes(chunk)
    return sent


def a_follower(log: AdvertisementLog) -> Outbox:
    outbox = Outbox()
    outbox.follow(log)
    return outbox


def test_an_empty_outbox_gives_nothing() -> None:
    assert Outbox().take() is None
    assert Outbox().is_empty


def test_all_followers_are_handed_the_same_octets_object() -> None:
    log = AdvertisementLog()
    first, second = a_follower(log), a_follower(log)
    log.append(b"one", 1)
    assert first.take() is second.take()


def test_who_follows_late_gets_what_is_appended_from_then_on() -> None:
    log = AdvertisementLog()
    log.append(b"before", 1)
    late = a_follower(log)
    log.append(b"after", 1)
    assert drain(late) == b"after"


def test_own_chunks_go_before_the_rest_of_the_log() -> None:
    log = AdvertisementLog()
    outbox = a_follower(log)
    log.append(b"1", 1)
    log.append(b"2", 1)
    assert outbox.take() == b"1"
    outbox.push(b"K")
    assert drain(outbox) == b"K2"


def test_the_rest_of_a_short_write_comes_first_even_before_own_chunks() -> None:
    outbox = Outbox()
    outbox.push(b"message", 1)
    chunk = outbox.take()
    assert chunk is not None
    outbox.put_back(memoryview(chunk)[3:])
    outbox.push(b"K")
    assert outbox.is_within_message
    assert drain(outbox) == b"sageK"
    assert not outbox.is_within_message


def test_leaving_the_log_takes_its_rest_along_and_no_more() -> None:
    log = AdvertisementLog()
    outbox = a_follower(log)
    for chunk in (b"1", b"2", b"3"):
        log.append(chunk, 1)
    outbox.take()
    outbox.push(b"K")
    outbox.leave()
    log.append(b"4", 1)
    outbox.push(b"difference", 1)
    other = AdvertisementLog()
    outbox.follow(other)
    other.append(b"5", 1)
    assert drain(outbox) == b"K23difference5"


def test_trimming_forgets_octets_but_no_index() -> None:
    log = AdvertisementLog()
    outbox = a_follower(log)
    for chunk in (b"1", b"22", b"333"):
        log.append(chunk, 1)
    outbox.take()
    log.trim(outbox.position)
    assert (log.first, log.end, log.octets) == (1, 3, 5)
    log.trim(outbox.position)
    assert (log.first, log.octets) == (1, 5)
    assert drain(outbox) == b"22333"
    log.trim(outbox.position)
    assert (log.first, log.end, log.octets) == (3, 3, 0)


def test_messages_are_counted_when_handed_out() -> None:
    log = AdvertisementLog()
    outbox = a_follower(log)
    log.append(b"12", 2)
    outbox.push(b"K")
    outbox.push(b"3", 1)
    assert outbox.messages == 0
    drain(outbox)
    assert outbox.messages == 3


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.binary(min_size=1, max_size=9)),
        st.tuples(st.just("push"), st.binary(min_size=1, max_size=9)),
        st.tuples(st.just("send"), st.integers(0, 12)),
        st.tuples(st.just("trim"), st.none()),
        st.tuples(st.just("move"), st.none()),
    ),
    max_size=40,
)


@given(STEPS)
def test_any_interleaving_of_short_writes_sends_every_octet_once(steps: list) -> None:
    """Whole chunks stay whole, and the log's chunks keep their order, also over a move to another log."""
    log = AdvertisementLog()
    outbox = a_follower(log)
    appended, pushed, sent = [], [], bytearray()
    for number, (step, value) in enumerate(steps):
        if step == "append":
            chunk = b"<L%d>" % number + value
            appended.append(chunk)
            log.append(chunk, 1)
        elif step == "push":
            pushed.append(b"<O%d>" % number + value)
            outbox.push(pushed[-1], 1)
        elif step == "trim":
            log.trim(outbox.position)
        elif step == "move":
            outbox.leave()
            log = AdvertisementLog()
            outbox.follow(log)
        else:
            waiting = outbox.octets
            chunk = outbox.take()
            if chunk is not None:
                taken = min(value, len(chunk))
                sent += chunk[:taken]
                if taken < len(chunk):
                    outbox.put_back(memoryview(chunk)[taken:])
                assert outbox.octets == waiting - taken
    sent += drain(outbox)
    assert (outbox.is_empty, outbox.octets) == (True, 0)
    assert len(sent) == sum(map(len, appended + pushed))
    places = [bytes(sent).index(chunk) for chunk in appended]
    assert places == sorted(places)
    assert all(chunk in sent for chunk in pushed)
    assert outbox.messages == len(appended) + len(pushed)


def test_what_waits_counts_the_prefixes_that_it_keeps_in_memory() -> None:
    """A bound of the octets alone would let the lists of prefixes be ten times as large."""
    log = AdvertisementLog()
    outbox = a_follower(log)
    log.append(b"first", 1)
    outbox.put_back(memoryview(b"rest of a message"))
    keys = [bytes((26,)) + number.to_bytes(4, "big") for number in range(1000)]
    log.append(b"x" * 100, 1, Contents(((4, keys),)))
    assert outbox.octets < 200
    assert outbox.lags(1000 * KEY_MEMORY)
    assert not outbox.lags(1000 * KEY_MEMORY + 200)
    outbox.leave()
    outbox.follow(AdvertisementLog())
    assert outbox.lags(1000 * KEY_MEMORY)
