"""The journal's octets: every event of an engine, in order, so that the same routing state can be made from a file.

    bgpctl journal 2\\n      the first line: what it is, and the version of what follows
    frame frame ...         one event each, framed as in messages/frames.py: a msgpack array of its type and fields

The first event is Started; replaying the others in order gives the identical Loc-RIB, Adj-RIB-Ins and octets to every
peer (replay.py). Rule: passwords never enter it. What a peer that reads too slowly was advertised late (slow_peer.py)
depends on its socket, which is no event: a replayed peer reads at once. An add-path identifier of ours may be another
number where the tables were being shown when the last path with it went.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from reflector.events import Event
from reflector.messages import FrameError, FrameReader, frame
from reflector.plan import NodePlan

JOURNAL_VERSION = 2
_NAME = b"bgpctl journal "
HEADER = _NAME + b"%d\n" % JOURNAL_VERSION
_LONGEST_HEADER = 32

_decoder: msgspec.msgpack.Decoder[Event] = msgspec.msgpack.Decoder(Event)


class JournalError(ValueError):
    """The octets are no journal, or one that this version does not read. One sentence."""


def event_frame(event: Event) -> bytes:
    """One event as it is kept."""
    return frame(event, JOURNAL_VERSION)


def without_passwords(plan: NodePlan) -> NodePlan:
    sessions = tuple(msgspec.structs.replace(session, password=None) for session in plan.sessions)
    return msgspec.structs.replace(plan, sessions=sessions)


def read_journal(chunks: Iterable[bytes]) -> Iterator[Event]:
    """The events of a journal that is read in pieces of any size. An event that was cut off at the end, as a crash
    leaves it, is left out. Raises JournalError."""
    frames = FrameReader(version=JOURNAL_VERSION)
    for data in _after_header(iter(chunks)):
        try:
            for body in frames.feed(data):
                yield _decoder.decode(body)
        except (FrameError, msgspec.MsgspecError) as error:
            raise JournalError(f"the journal is damaged: {error}") from error


def _after_header(chunks: Iterator[bytes]) -> Iterator[bytes]:
    start = b""
    for chunk in chunks:
        start += chunk
        if b"\n" in start or len(start) >= _LONGEST_HEADER:
            break
    header, end, rest = start.partition(b"\n")
    if not header.startswith(_NAME):
        raise JournalError("this is not a journal")
    if header + end != HEADER:
        raise JournalError(
            f"a journal of version {header[len(_NAME) :].decode('ascii', 'replace')}; this is version {JOURNAL_VERSION}"
        )
    yield rest
    yield from chunks
