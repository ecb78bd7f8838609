"""`bgpctl lab`: a containerlab topology file in network namespaces, without containers."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from bgpctl.errors import NotReadyError
from bgpctl.lab.topology.drawing_format import DrawingFormat
from bgpctl.lab.traffic.capture_filter import Filter

if TYPE_CHECKING:
    from bgpctl.lab.rehearse.events import Event
    from bgpctl.lab.rehearse.expectations_file import ExpectationsFile
    from bgpctl.lab.topology.topology import Node, Topology

lab = typer.Typer(no_args_is_help=True, help="Run a containerlab topology file in network namespaces.")

TopologyFile = Annotated[Path, typer.Argument(metavar="FILE", help="A containerlab topology (*.clab.yml).")]
_SIGNALLED = 128


def register(app: typer.Typer) -> None:
    app.add_typer(lab, name="lab")


@lab.command()
def up(file: TopologyFile) -> None:
    """Build the lab and leave it running. On a lab that is up: start the agents and daemons that are missing."""
    from rich.console import Console

    from bgpctl.lab.netns.progress import shown
    from bgpctl.lab.running import runner
    from bgpctl.lab.topology.document import DocumentError

    topology = _read(file)
    for note in topology.notes:
        typer.echo(f"note: {note}", err=True)
    try:
        with shown(Console()) as progress:
            result = runner.up(topology, progress=progress)
    except DocumentError as error:
        _fail(error)
    except runner.Interrupted as interrupted:
        typer.echo(f"bgpctl: {interrupted}; the lab was taken down again", err=True)
        raise typer.Exit(_SIGNALLED + interrupted.signal_number) from None
    if result.built:
        typer.echo(f"lab {topology.name}: {len(topology.nodes)} nodes are up after {result.seconds:.1f} s")
    elif result.started:
        typer.echo(f"lab {topology.name} was up; started what runs in {', '.join(result.started)}")
    else:
        typer.echo(f"lab {topology.name} is up already; nothing to do")


@lab.command()
def down(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The topology, or the name of its lab.")],
) -> None:
    """Remove every trace of the lab, also one that a crash has left."""
    from bgpctl.lab.netns.state import LabState
    from bgpctl.lab.running import runner
    from bgpctl.lab.topology.document import DocumentError
    from bgpctl.lab.topology.topology import lab_name

    try:
        # A name needs no file: the file may be gone.
        is_name = "/" not in file and not Path(file).exists() and LabState(file).exists()
        name = file if is_name else lab_name(Path(file))
    except DocumentError as error:
        _fail(error)
    was_there = runner.down(name)
    typer.echo(f"lab {name} is gone" if was_there else f"lab {name} is not up; nothing to do")


@lab.command("exec", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
def execute(
    file: TopologyFile,
    node: Annotated[str, typer.Argument(help="In which node's namespace.")],
    command: Annotated[list[str], typer.Argument(help="The command and its arguments.")],
) -> None:
    """Run a command in a node's namespace; its exit status is ours."""
    from bgpctl.lab.daemons.tools import environment
    from bgpctl.lab.netns import namespaces
    from bgpctl.lab.netns.state import LabState

    topology = _read(file)
    state = LabState(topology.name)
    os.environ.update(environment(state, _node(topology, node)))
    namespace = state.namespace(node)
    if not namespaces.exists(namespace):
        raise NotReadyError(f"the lab {topology.name} is not up; run `bgpctl lab up {file}` first")
    words = command[1:] if command[0] == "--" else command
    # `ip netns exec` also shows the namespace's own /sys and /etc/netns.
    os.execvp("ip", ["ip", "netns", "exec", namespace, *words])  # noqa: S606 - no shell is meant


@lab.command()
def capture(
    file: TopologyFile,
    node: Annotated[str, typer.Argument(help="In which node.")],
    interface: Annotated[str, typer.Argument(help="What passes this interface of the node.")],
    write: Annotated[str, typer.Option("-w", "--write", help="The file; '-' for standard output.")] = "",
    seconds: Annotated[float, typer.Option(min=0, help="For how long; 0: until Ctrl-C.")] = 0,
    which: Annotated[Filter, typer.Option("--filter", help="bgp: TCP port 179.")] = Filter.BGP,
) -> None:
    """Write packets into a pcap file, for Wireshark or `tcpdump -r`. Nothing has to be installed for it."""
    from bgpctl.lab.netns.state import LabState
    from bgpctl.lab.traffic.capture_command import run_capture

    topology = _running(file)
    namespace = LabState(topology.name).namespace(_node(topology, node).name)
    target = write or f"{node}-{interface}.pcap"
    done = run_capture(namespace, interface, target, which, seconds)
    dropped = f", {done.dropped} dropped" if done.dropped else ""
    typer.echo(f"{done.packets} packets in {target}{dropped}", err=target == "-")


@lab.command()
def graph(
    file: TopologyFile,
    form: Annotated[DrawingFormat, typer.Option("--format", help="For Graphviz, for Markdown, for here.")] = (
        DrawingFormat.TEXT
    ),
) -> None:
    """Draw the topology: nodes, links, and the sessions that the resources make. The lab need not be up."""
    from bgpctl.lab.topology.drawing import draw
    from bgpctl.lab.topology.drawing_formats import render

    drawing = draw(_read(file))
    for note in drawing.notes:
        typer.echo(f"note: {note}", err=True)
    typer.echo(render(drawing, form), nl=False)


@lab.command("test")
def expect(
    file: TopologyFile,
    within: Annotated[float, typer.Option(help="Seconds to wait for convergence; 0: what the lab says.")] = 0,
    events: Annotated[bool, typer.Option("--events/--no-events", help="Rehearse the events afterwards.")] = True,
    only: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Of the events only this one.")] = None,
    junit: Annotated[Path | None, typer.Option(help="Write the result as JUnit XML.")] = None,
    json: Annotated[Path | None, typer.Option(help="Write the result with all its figures as JSON.")] = None,
) -> None:
    """Wait until the lab is as its expectations.yml says, then rehearse its events; status 1 when something fails.

    The lab stays up, and each event is undone.
    """
    import msgspec

    from bgpctl.lab.expect.convergence import wait_for
    from bgpctl.lab.expect.result_report import print_result
    from bgpctl.lab.rehearse import event_report
    from bgpctl.lab.rehearse.figures import event_figures, figures_of
    from bgpctl.lab.rehearse.junit import junit_xml
    from bgpctl.lab.rehearse.rehearsal import rehearse

    topology = _running(file)
    script = _script(topology)
    chosen = _chosen(script, only or []) if events else []
    result = wait_for(topology, script.expectations, within or script.expectations.within)
    print_result(result)
    happened = []
    if result.passed:
        with _taken_back_when_interrupted():
            happened = rehearse(
                topology, script.expectations, chosen, lambda each: event_report.print_event(event_figures(each))
            )
    figures = figures_of(topology.name, result, happened, [event.name for event in chosen[len(happened) :]])
    if figures.events:
        event_report.print_events(figures)
    if junit is not None:
        junit.write_bytes(junit_xml(figures))
    if json is not None:
        json.write_bytes(msgspec.json.format(msgspec.json.encode(figures), indent=2) + b"\n")
    if not figures.passed:
        raise typer.Exit(1)


@lab.command("run")
def run_labs(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Containerlab topologies (*.clab.yml).")],
    junit: Annotated[Path | None, typer.Option(metavar="DIR", help="Write the result of each as JUnit XML.")] = None,
) -> None:
    """Labs one after the other: up, test with all events, down; a table at the end, status 1 when one has failed."""
    from bgpctl.lab.console import lab_console
    from bgpctl.lab.rehearse import event_report, series, series_report
    from bgpctl.lab.rehearse.junit import junit_xml
    from bgpctl.lab.running import runner

    out, outcomes, interrupted = lab_console(), [], 0
    try:
        for outcome in series.run_series(files, lambda file: out.rule(str(file)), event_report.print_event):
            outcomes.append(outcome)
            if junit is not None:
                junit.mkdir(parents=True, exist_ok=True)
                (junit / f"{outcome.figures.lab}.xml").write_bytes(junit_xml(outcome.figures))
    except runner.Interrupted as signal:
        interrupted = _SIGNALLED + signal.signal_number
    series_report.print_series(outcomes, out)
    raise typer.Exit(interrupted or any(not outcome.figures.passed for outcome in outcomes))


@lab.command("do", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
def perform_action(
    file: TopologyFile,
    words: Annotated[list[str], typer.Argument(metavar="ACTION...", help="In the words of expectations.yml.")],
) -> None:
    """Do one action to a running lab: `kill rr1 speaker`, `cut a1 from fabric`, `impair a1:eth1 delay 200ms`.

    docs/lab-expectations.md has them all; what takes one back is said when it is done.
    """
    from bgpctl.lab.actions import ActionError, read_action
    from bgpctl.lab.rehearse.rehearsal import perform
    from bgpctl.lab.topology.document import DocumentError

    topology = _running(file)
    words = words[0].split() if len(words) == 1 else words
    try:
        action = read_action(words, _script(topology).scope)
        perform(topology, topology.file.parent, action)
    except (ActionError, DocumentError) as error:
        _fail(error)
    undo = action.undo()
    typer.echo(f"done: {action}" + (f"; it is taken back by: {undo}" if undo is not None else ""))


@lab.command()
def show(
    file: TopologyFile,
    node: Annotated[str, typer.Option(help="Whose routes; the first cluster node's if not given.")] = "",
) -> None:
    """Print the sessions of every node, the routes of one, and the ping matrix of the pods."""
    from bgpctl.lab.expect.lab_tables import print_lab
    from bgpctl.lab.topology.document import suggestion

    topology = _running(file)
    agents = [each.name for each in topology.agents]
    if node and node not in agents:
        raise NotReadyError(f"no agent runs on a node {node!r} of this lab{suggestion(node, agents)}")
    print_lab(topology, node, _script(topology).expectations)


@lab.command()
def status(file: TopologyFile) -> None:
    """Print of every node its role, whether it is down, up or ready, and the processes in it."""
    from bgpctl.lab.console import lab_console
    from bgpctl.lab.running.status import print_status

    print_status(_read(file), lab_console())


def _read(file: Path) -> Topology:
    from bgpctl.lab.topology.document import DocumentError
    from bgpctl.lab.topology.topology import read_topology

    try:
        return read_topology(file)
    except DocumentError as error:
        _fail(error)


def _node(topology: Topology, name: str) -> Node:
    from bgpctl.lab.topology.document import suggestion

    found = {node.name: node for node in topology.nodes}
    if name not in found:
        raise NotReadyError(f"{topology.file} has no node {name!r}{suggestion(name, found)}")
    return found[name]


@contextmanager
def _taken_back_when_interrupted() -> Iterator[None]:
    from bgpctl.lab.running import runner

    try:
        with runner.signals_interrupt():
            yield
    except runner.Interrupted as interrupted:
        typer.echo(f"bgpctl: {interrupted}; what was done has been taken back", err=True)
        raise typer.Exit(_SIGNALLED + interrupted.signal_number) from None


def _chosen(script: ExpectationsFile, names: list[str]) -> list[Event]:
    from bgpctl.lab.topology.document import suggestion

    known = [event.name for event in script.events]
    for name in names:
        if name not in known:
            raise NotReadyError(
                f"the lab has no event {name!r}{suggestion(name, known)}; there are: {', '.join(known)}"
            )
    return [event for event in script.events if not names or event.name in names]


def _script(topology: Topology) -> ExpectationsFile:
    from bgpctl.lab.rehearse.expectations_file import EXPECTATIONS, read_expectations
    from bgpctl.lab.topology.document import DocumentError

    try:
        return read_expectations(topology.file.with_name(EXPECTATIONS), topology)
    except DocumentError as error:
        _fail(error)


def _running(file: Path) -> Topology:
    from bgpctl.lab.netns.state import LabState

    topology = _read(file)
    if os.geteuid() != 0:
        raise NotReadyError("looking into a lab needs root: it enters network namespaces")
    record = LabState(topology.name).record()
    if record is None or not record.complete:
        raise NotReadyError(f"the lab {topology.name} is not up; run `bgpctl lab up {file}` first")
    return topology


def _fail(error: Exception) -> NoReturn:
    print(error, file=sys.stderr)  # noqa: T201 - the problems, one a line
    raise typer.Exit(1) from None
