"""The misbehaving peer as a program: opens its session, misbehaves, and opens it anew, for ever."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable

from bgpctl.lab.misbehaviour import ESTABLISHED
from bgpctl.lab.misbehaviour.session import KEEPALIVE_EVERY, EstablishedSession, establish

_REOPEN_AFTER = 1.0


def _garbage(session: EstablishedSession, _count: int) -> None:
    # The same garbage at each run.
    session.send(random.Random(1).randbytes(256))  # noqa: S311
    while True:
        session.discard_input(KEEPALIVE_EVERY)


def _flood(session: EstablishedSession, count: int) -> None:
    for update in session.advertisements(count, 0):
        session.send(update)
    while True:
        session.discard_input(KEEPALIVE_EVERY)
        session.keep_alive()


def _churn(session: EstablishedSession, count: int) -> None:
    med = 0
    while True:
        for update in session.advertisements(count, med):
            session.send(update)
            session.discard_input(0)
        med += 1


def _slow(session: EstablishedSession, _count: int) -> None:
    while True:
        session.keep_alive()
        time.sleep(KEEPALIVE_EVERY)


def _silent(session: EstablishedSession, _count: int) -> None:
    while True:
        session.discard_input(KEEPALIVE_EVERY)


BEHAVIOURS: dict[str, Callable[[EstablishedSession, int], None]] = {
    "garbage": _garbage,
    "flood": _flood,
    "churn": _churn,
    "slow": _slow,
    "silent": _silent,
}


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main(arguments: list[str]) -> None:
    """Never ends by itself."""
    behaviour, peer, asn, count = arguments
    while True:
        try:
            session = establish(peer, int(asn), smallest_buffer=behaviour == "slow")
            _print(ESTABLISHED)
            with session.socket:
                BEHAVIOURS[behaviour](session, int(count))
        except OSError as error:
            _print(f"{type(error).__name__}: {error}")
        time.sleep(_REOPEN_AFTER)


if __name__ == "__main__":
    main(sys.argv[1:])
