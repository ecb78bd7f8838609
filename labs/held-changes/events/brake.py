"""What the agents of this lab hold, and what has become of their sessions.

remember          the sessions as they are: how often each was lost
held NODE...      waits until each of these nodes holds a change
confirm NODE...   lets it through
calm              waits until nothing is held, and then the sessions are those that were remembered
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from reflector.control.client import ControlClient
from reflector.messages import Confirm, Confirmed, ShowAgent, ShowPeers

RUN = Path("/run/bgpctl/lab/held-changes")
REMEMBERED = RUN / "sessions.json"
NODES = ("n1", "n2", "n3", "n4")
SECONDS = 60.0


def digest(node: str) -> str:
    """Of what the node holds; "" for nothing."""
    with ControlClient(RUN / node / "agent.sock") as agent:
        return agent.ask(ShowAgent()).held_digest


def sessions() -> dict[str, int]:
    """Which there are, and how often each was lost."""
    found = {}
    for node in NODES:
        with ControlClient(RUN / node / "speaker.sock") as speaker:
            found |= {f"{node} with {each.name}, {each.state}": each.flaps for each in speaker.ask(ShowPeers()).peers}
    return found


def wait(what: str, condition: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"not within {SECONDS:g} s: {what}")
        time.sleep(0.2)


def confirm(node: str) -> None:
    with ControlClient(RUN / node / "agent.sock", SECONDS) as agent:
        answer = agent.ask(Confirm(digest(node)))
    if not isinstance(answer, Confirmed):
        sys.exit(f"{node}: {answer}")


def main(what: str, nodes: list[str]) -> None:
    match what:
        case "remember":
            REMEMBERED.write_text(json.dumps(sessions()))
        case "held":
            for node in nodes:
                wait(f"{node} holds a change", lambda node=node: digest(node) != "")
        case "confirm":
            for node in nodes:
                confirm(node)
        case "calm":
            for node in NODES:
                wait(f"{node} holds nothing", lambda node=node: digest(node) == "")
            before, now = json.loads(REMEMBERED.read_text()), sessions()
            if now != before:
                sys.exit(f"sessions were {before}, they are {now}")


main(sys.argv[1], sys.argv[2:])
