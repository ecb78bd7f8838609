"""`bgpctl peers`: the sessions in a table that fits the terminal, and why those that are down are down.

Rule: a piped table has 80 columns. Of the columns the most important ones are shown that fit; `-o wide` has all of
them, and so has `--peer`, as lines.
"""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap
from typing import TYPE_CHECKING, Annotated

from bgpctl.cli.declare import Exit, add_command, echo, option, with_groups
from bgpctl.cli.output import Output
from bgpctl.cli.show import OutputOption
from bgpctl.cli.which_nodes import SomeNodes
from bgpctl.errors import NotReadyError

if TYPE_CHECKING:
    import typer

    from bgpctl.cli.text_table import Columns
    from reflector.messages import Peers, PeerStatus

ESTABLISHED = "Established"
WIDTH = 80
# The first columns are shown before the later ones, in the order of _COLUMNS.
_IMPORTANCE = (
    "NODE", "PEER", "STATE", "SINCE", "PEER NODE", "RECEIVED", "ADVERTISED", "HEARD", "ACCEPTED", "TYPE", "BEST", "AS",
    "FLAPS",
)  # fmt: skip

Session = tuple[str, "PeerStatus"]


def register(app: typer.Typer) -> None:
    examples = "bgpctl peers; bgpctl peers --peer 192.0.2.1 -o wide; bgpctl peers --all-nodes --down"
    add_command(app, peers, epilog=f"Examples: {examples}")


@with_groups
def peers(
    nodes: SomeNodes,
    peer: Annotated[str, option(help="Only this one, in full: session, address or node.")] = "",
    down: Annotated[bool, option("--down", help="Only sessions that are not Established.")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show the sessions, what passes over them, and why those that are down are down.

    SINCE: in this state. HEARD: since the last message of the peer. Routes RECEIVED from the peer, of these ACCEPTED
    and BEST; ADVERTISED to it. Exit status 1 when a node does not answer.
    """
    from bgpctl.cli import tables
    from bgpctl.cli.asked_node import AskedNode
    from bgpctl.cli.asking import ask_all, at_once, report_silent
    from bgpctl.cli.running import find_nodes

    asked = nodes.find(find_nodes)
    answers, silent = ask_all(asked, AskedNode.peers)
    sessions = [(name, each) for name, answer in answers for each in answer.peers]
    sessions = [each for each in sessions if _is_meant(each[1], peer) and not (down and each[1].state == ESTABLISHED)]
    if peer and not any(_is_meant(each, peer) for _, answer in answers for each in answer.peers):
        known = ", ".join(sorted({each.name for _, answer in answers for each in answer.peers})) or "none"
        raise NotReadyError(f"no session {peer!r}; there are: {known}")
    if output.is_data:
        tables.print_data([{"node": name, **tables.fields(each)} for name, each in sessions], output)
    else:
        with_node = nodes.all_nodes or len(asked) > 1
        is_wide = output is Output.WIDE
        tables.print_table(fitting(sessions, with_node=with_node, width=0 if is_wide else _width()), sessions)
        for line in lines(sessions, answers, with_node=with_node, in_full=bool(peer)):
            echo(line)
        for each, sentence in zip(asked, at_once(asked, AskedNode.retention), strict=True):
            if sentence:
                echo(f"{each.name}: {sentence}")
    report_silent(silent)
    if silent:
        raise Exit(1)


def _is_meant(peer: PeerStatus, wanted: str) -> bool:
    return wanted in ("", peer.name, peer.peer_address, peer.peer_node)


def _width() -> int:
    """Of the terminal; piped, it is WIDTH."""
    import shutil
    import sys

    return max(shutil.get_terminal_size((WIDTH, 0)).columns, WIDTH) if sys.stdout.isatty() else WIDTH


# ---------------------------------------------------------------------------------------------- columns


def _ago(seconds: float | None) -> str:
    from bgpctl.cli.text_table import duration

    return "-" if seconds is None else duration(seconds)


def _type(peer: PeerStatus) -> str:
    return f"{peer.session_type} {peer.kind}{' client' if peer.rr_client else ''}"


def _state(peer: PeerStatus) -> str:
    return f"[{'green' if peer.state == ESTABLISHED else 'yellow'}]{peer.state}[/]"


_COLUMNS: Columns[Session] = (
    ("NODE", lambda row: row[0]),
    ("PEER", lambda row: row[1].peer_address),
    ("PEER NODE", lambda row: row[1].peer_node or "-"),
    ("AS", lambda row: str(row[1].peer_as)),
    ("TYPE", lambda row: _type(row[1])),
    ("STATE", lambda row: _state(row[1])),
    ("SINCE", lambda row: _ago(row[1].since)),
    ("HEARD", lambda row: _ago(row[1].last_heard)),
    ("RECEIVED", lambda row: str(row[1].received)),
    ("ACCEPTED", lambda row: str(row[1].accepted)),
    ("BEST", lambda row: str(row[1].best)),
    ("ADVERTISED", lambda row: str(row[1].advertised)),
    ("FLAPS", lambda row: str(row[1].flaps)),
)


def fitting(sessions: list[Session], *, with_node: bool, width: int) -> Columns[Session]:
    """The most important columns that fit `width`; 0: all."""
    columns = [column for column in _COLUMNS if with_node or column[0] != "NODE"]
    if not width:
        return columns
    shown: set[str] = set()
    left = width
    for title in _IMPORTANCE:
        column = next((each for each in columns if each[0] == title), None)
        if column is not None and (needed := _needed(column, sessions)) <= left:
            shown.add(title)
            left -= needed
    return [column for column in columns if column[0] in shown]


def _needed(column: tuple[str, object], sessions: list[Session]) -> int:
    from bgpctl.cli.text_table import width

    title, cell = column
    if not callable(cell):
        raise TypeError(f"the column {title} has no cells")
    return 2 + max(len(title), *(width(cell(each)) for each in sessions), 0)


# ------------------------------------------------------------------------------------------------ lines


def lines(
    sessions: list[Session], answers: list[tuple[str, Peers]], *, with_node: bool, in_full: bool
) -> Iterator[str]:
    """What stands below the table: errors, warnings, unknown peers, drains."""
    from bgpctl.cli.tables import drain_sentence
    from bgpctl.cli.text_table import duration

    for name, peer in sessions:
        sentences = list(_full(peer)) if in_full else []
        sentences += _about(peer, in_full=in_full)
        if sentences:
            where = f"{name}: " if with_node else ""
            yield f"{where}{peer.peer_address}{f' ({peer.peer_node})' if peer.peer_node else ''}"
            for sentence in sentences:
                yield from wrap(sentence, WIDTH, initial_indent="  ", subsequent_indent="    ")
    for name, answer in answers:
        for each in answer.unknown if not in_full else ():
            often = "once" if each.connections == 1 else f"{each.connections} times"
            connected = f"{each.address} connected to {each.local_address} {often}, {duration(each.age)} ago"
            yield f"{name}: unknown peer: {connected}, and is in no plan"
        if answer.drain is not None:
            yield drain_sentence(name, answer.drain)


def _about(peer: PeerStatus, *, in_full: bool) -> Iterator[str]:
    from bgpctl.cli.text_table import duration

    is_up = peer.state == ESTABLISHED
    if peer.last_error and peer.last_error != peer.ended and (not is_up or in_full):
        yield f"last error, {duration(peer.last_error_age)} ago: {peer.last_error}"
    if peer.ended and (not is_up or in_full):
        yield f"the last session ended {duration(peer.ended_age)} ago: {peer.ended}"
    if peer.warning:
        yield peer.warning
    if peer.stale:
        yield f"{peer.stale} routes outlive its session, for {duration(peer.stale_left)} at most"


def _full(peer: PeerStatus) -> Iterator[str]:
    families = ", ".join(f"IPv{family}" for family in peer.families)
    yield f"session {peer.name}: {_type(peer)}, AS {peer.peer_as}, from {peer.local_address or 'any address'}"
    yield f"{families}; hold time {peer.hold_time} s; router ID {peer.peer_router_id or 'not known'}"
    yield f"received {peer.received}, accepted {peer.accepted}, best {peer.best}, advertised {peer.advertised}"
    yield f"went down {peer.flaps} times; last heard: {_ago(peer.last_heard)}"
    if peer.not_accepted:
        yield f"not accepted: {', '.join(f'{count} {verdict}' for verdict, count in sorted(peer.not_accepted.items()))}"
    if peer.attempts_failed:
        failed = ", ".join(f"{count} {obstacle}" for obstacle, count in sorted(peer.attempts_failed.items()))
        yield f"attempts that failed: {failed}"
