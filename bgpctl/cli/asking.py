"""Several nodes asked at the same time, and those that gave no answer.

Rule: AT_ONCE at most, so that a cluster of any size costs this machine, the API server and its network no more than
that at a time. The answers are in the order of the nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from bgpctl.cli.asked_node import AskedNode
from bgpctl.cli.declare import echo
from bgpctl.errors import NotReadyError

AT_ONCE = 16
Node = TypeVar("Node", bound=AskedNode)
Answer = TypeVar("Answer")


def at_once(nodes: Sequence[Node], question: Callable[[Node], Answer]) -> list[Answer]:
    """What `question` returns for each of them."""
    if len(nodes) < 2:
        return [question(node) for node in nodes]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(question, nodes))


def ask_all(
    nodes: Sequence[Node], question: Callable[[Node], Answer]
) -> tuple[list[tuple[str, Answer]], list[NotReadyError]]:
    """The answers with their nodes' names, and why the others gave none. NotReadyError when none answers."""

    def answer_or_reason(node: Node) -> tuple[str, Answer] | NotReadyError:
        try:
            return node.name, question(node)
        except NotReadyError as error:
            return error

    found = at_once(nodes, answer_or_reason)
    silent = [each for each in found if isinstance(each, NotReadyError)]
    if len(silent) == len(found):
        report_silent(silent[:-1])
        raise silent[-1]
    return [each for each in found if not isinstance(each, NotReadyError)], silent


def report_silent(silent: Sequence[NotReadyError]) -> None:
    """Names those that gave no answer, one sentence each; their absence from a table must not be taken for health."""
    for error in silent:
        echo(f"bgpctl: {error}", err=True)
