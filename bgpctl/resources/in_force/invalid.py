"""An invalid resource, and what is in force instead: a frozen value for status, metrics and the log."""

from __future__ import annotations

from dataclasses import dataclass

from bgpctl.resources.in_force.outcome import SENTENCES, Outcome
from bgpctl.resources.reading.unusable import UNKNOWN, Unusable
from bgpctl.resources.values.model import Key
from bgpctl.resources.values.names import GLOBAL_NAME, NODE_NAME_PREFIX

# Of these somebody concludes something from what is missing.
CONCLUSIVE = frozenset({UNKNOWN, "Node"})


@dataclass(frozen=True, slots=True, order=True)
class Invalid:
    """file, line   where it stands; line 0: the whole file
    name         "BGPFilter/f"; "" where it is not known which resource it was meant to be
    why          it is not in force though it is right by itself; "" otherwise
    is_complete  nothing that was there is missing because of it
    """

    file: str
    line: int
    name: str
    outcome: Outcome
    why: str = ""
    is_complete: bool = True

    @classmethod
    def of(cls, unusable: Unusable, outcome: Outcome, *, is_complete: bool) -> Invalid:
        name = label(unusable.kind, unusable.key)
        return cls(unusable.file, unusable.line, name, outcome, is_complete=is_complete)

    def holds_up(self, node: str) -> bool:
        """Whether the whole plan of the node waits for it."""
        names = {label("BGPConfiguration", GLOBAL_NAME), label("BGPConfiguration", NODE_NAME_PREFIX + node)}
        return self.outcome is Outcome.PLAN_WAITS and self.name in names

    def __str__(self) -> str:
        place = ":".join(part for part in (self.file, str(self.line or "")) if part)
        subject = f"{self.name} ({place})" if self.name and place else self.name or place
        return f"{subject}: {f'{self.why}; ' if self.why else ''}{SENTENCES[self.outcome]}"


def label(kind: str, key: Key | None) -> str:
    """ "BGPPeer/tor-1", "Secret/kube-system/bgp"."""
    names = () if key is None else (key,) if isinstance(key, str) else key
    return "/".join((kind, *names)) if kind else ""
