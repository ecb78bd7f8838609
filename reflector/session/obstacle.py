"""Why an attempt to set up a session failed: the table from what the kernel answers to a code and a sentence.

Rule: a sentence says what is so, and what to look at, without the peer's address, which stands beside it. The codes are
stable: metrics have them as labels.
Source: connect(2), bind(2), tcp(7); RFC 4271 8 (an attempt), RFC 2385 (TCP-MD5).
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple


class Obstacle(StrEnum):
    NO_ROUTE = "no-route"
    NO_HOST = "no-host"
    REFUSED = "refused"
    TIMED_OUT = "timed-out"
    RESET = "reset"
    CLOSED = "closed"
    LOCAL_ADDRESS = "local-address"
    LINK_LOCAL = "link-local"
    DROPPED_HERE = "dropped-here"
    FORBIDDEN_HERE = "forbidden-here"
    PASSWORD = "tcp-md5"  # noqa: S105  the code of an obstacle
    NOTIFICATION_SENT = "notification-sent"
    NOTIFICATION_RECEIVED = "notification-received"
    OTHER = "other"


class Failure(NamedTuple):
    """Of one attempt. `at` is seconds of a clock that never goes back."""

    obstacle: Obstacle
    sentence: str
    at: float


class Endpoints(NamedTuple):
    """What an attempt is made between. `local` is "" where the kernel chooses the address."""

    peer: str
    port: int
    local: str
    has_password: bool


class Explanation(NamedTuple):
    obstacle: Obstacle
    sentence: str


NO_ANSWER = "no answer: the host is down, a firewall drops the packets on the way"
NO_ANSWER_PASSWORD = f"{NO_ANSWER}, or the peer has another TCP-MD5 key"
NO_LOCAL_ADDRESS = Explanation(
    Obstacle.LOCAL_ADDRESS, "no local address: this host does not have {local}, which the session has to use"
)
LINK_LOCAL = Explanation(
    Obstacle.LINK_LOCAL,
    "link-local: {peer} means something on one link only, and a session names no link; use another address of the peer",
)

# By errno; what bind(2) refuses is not in here.
_OF_CONNECT: Mapping[int, Explanation] = {
    errno.ENETUNREACH: Explanation(Obstacle.NO_ROUTE, "no route: this host has no route to the peer"),
    errno.EHOSTUNREACH: Explanation(
        Obstacle.NO_HOST, "no host: nothing answers at this address, or a router on the way says so"
    ),
    errno.ECONNREFUSED: Explanation(
        Obstacle.REFUSED, "refused: nothing listens there on port {port}, or a firewall rejects the connection"
    ),
    errno.ECONNRESET: Explanation(Obstacle.RESET, "reset: the peer reset the connection while it was made"),
    errno.ETIMEDOUT: Explanation(Obstacle.TIMED_OUT, NO_ANSWER),
    errno.EADDRNOTAVAIL: Explanation(
        Obstacle.LOCAL_ADDRESS, "no local address: this host has none from which the peer can be reached"
    ),
    errno.EACCES: Explanation(
        Obstacle.FORBIDDEN_HERE, "forbidden: a prohibit route or a firewall of this host rejects it"
    ),
    errno.EPERM: Explanation(Obstacle.FORBIDDEN_HERE, "forbidden: a firewall of this host rejects it"),
    errno.EINVAL: Explanation(
        Obstacle.DROPPED_HERE, "dropped: this host's route to the peer drops all packets (blackhole)"
    ),
    errno.ENETDOWN: Explanation(Obstacle.NO_ROUTE, "no route: the link to the peer is down"),
}


def of_bind(number: int, between: Endpoints) -> Explanation:
    """Why no socket could be bound to the local address: `number` is bind(2)'s errno."""
    explanation = NO_LOCAL_ADDRESS if number == errno.EADDRNOTAVAIL else _unknown(number)
    return _filled(LINK_LOCAL if number == errno.EINVAL else explanation, between)


def of_connect(number: int, between: Endpoints) -> Explanation:
    """Why no connection was made: `number` is connect(2)'s errno, or that of the socket afterwards."""
    explanation = _OF_CONNECT.get(number) or _unknown(number)
    if number == errno.EINVAL and is_link_local(between.peer):
        explanation = LINK_LOCAL
    elif number == errno.ETIMEDOUT and between.has_password:
        explanation = Explanation(Obstacle.TIMED_OUT, NO_ANSWER_PASSWORD)
    return _filled(explanation, between)


def is_link_local(address: str) -> bool:
    """Of an IPv6 address (RFC 4291 2.5.6)."""
    return ":" in address and address[:4].lower() in ("fe80", "fe90", "fea0", "feb0")


def _unknown(number: int) -> Explanation:
    return Explanation(Obstacle.OTHER, os.strerror(number))


def _filled(explanation: Explanation, between: Endpoints) -> Explanation:
    sentence = explanation.sentence.format(peer=between.peer, port=between.port, local=between.local)
    return explanation._replace(sentence=sentence)
