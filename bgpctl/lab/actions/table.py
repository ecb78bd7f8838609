"""All actions, and the one that some words mean."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from functools import partial

from bgpctl.lab.actions import bad_peers, files, half_open, impairments, links, operations, pressure, processes
from bgpctl.lab.actions.action import Action
from bgpctl.lab.actions.grammar import ActionError, OtherUsageError, match, verb
from bgpctl.lab.actions.placeholders import read_placeholder
from bgpctl.lab.actions.scope import ActionScope
from bgpctl.lab.topology.document import suggestion

ACTIONS: tuple[type[Action], ...] = (
    processes.Kill,
    processes.Start,
    processes.Freeze,
    processes.Thaw,
    processes.Restart,
    processes.Roll,
    processes.PowerOff,
    processes.PowerOn,
    links.Cut,
    links.Mend,
    links.Partition,
    links.Rejoin,
    links.Flap,
    impairments.Impair,
    impairments.Clear,
    operations.Drain,
    operations.Undrain,
    files.Write,
    files.Remove,
    files.Restore,
    bad_peers.Garbage,
    bad_peers.Flood,
    bad_peers.Churn,
    bad_peers.SlowReader,
    bad_peers.Silent,
    bad_peers.Behave,
    half_open.HalfOpen,
    pressure.LimitMemory,
    pressure.FreeMemory,
    files.FillDisk,
    files.FreeDisk,
    pressure.DeleteRoutes,
    pressure.OverflowNetlink,
    operations.Run,
    operations.Wait,
)


def read_action(text: str | Sequence[str], scope: ActionScope) -> Action:
    """Raises ActionError with the form or the name that is expected."""
    words = _split(text) if isinstance(text, str) else list(text)
    candidates = [kind for kind in ACTIONS if verb(kind.usage) == tuple(words[: len(verb(kind.usage))])]
    if not candidates:
        raise ActionError(_unknown(words))
    others = []
    for kind in candidates:
        try:
            action = kind(**match(kind.usage, words, partial(read_placeholder, scope)))
        except OtherUsageError as error:
            others.append(str(error))
            continue
        why = action.check(scope)
        if why:
            raise ActionError(why)
        return action
    raise ActionError("; ".join(others))


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise ActionError(f"not a command: {error}") from error


def _unknown(words: Sequence[str]) -> str:
    if not words:
        return "an action is missing"
    begins = [kind.usage for kind in ACTIONS if kind.usage.split()[0] == words[0]]
    if begins:
        return f"{' '.join(words)!r} is no action; there is {' and '.join(f'`{usage}`' for usage in begins)}"
    verbs = dict.fromkeys(kind.usage.split()[0] for kind in ACTIONS)
    return f"{words[0]!r} is no action{suggestion(words[0], verbs)}; there are: {', '.join(verbs)}"
