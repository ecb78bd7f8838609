"""`bgpctl drain`: take a node out of use before its maintenance without losing a packet that has another way.

    mark       what draws traffic here is readvertised with GRACEFUL_SHUTDOWN (RFC 8326)   bgpctl drain
    wait       until every peer has acknowledged it, and --wait seconds more
    withdraw   the same is withdrawn; wait once more                                       bgpctl drain --withdraw
    stop       speaker and agent end: sessions close with Administrative Shutdown          bgpctl drain --stop

Each step prints what it did. A step that cannot be done ends with status 2, and the node stays as far as it is.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, NoReturn

from bgpctl.cli.declare import add_command, echo, option, with_groups
from bgpctl.cli.which_nodes import OneNode
from bgpctl.errors import NotReadyError
from reflector.drain import Stage

if TYPE_CHECKING:
    import typer

    from bgpctl.cli.asked_node import AskedNode
    from bgpctl.cli.running import RunningNode

# RFC 8326 leaves it to the operator. What peers do then - choose, program their kernels, advertise it, whose peers do
# the same - takes tens of milliseconds for each router on the way; a router may wait 5 s between two UPDATEs inside an
# AS (RFC 4271 10), and 30 s towards peers of other ASes: operators with such peers wait longer.
WAIT = 5.0
# A peer that takes longer to acknowledge does not read; its hold time (90 s here) will end that session.
PATIENCE = 60.0
_POLL = 0.05


def register(app: typer.Typer) -> None:
    add_command(app, drain, epilog="Examples: bgpctl drain --node a1 --reason maintenance; bgpctl drain --undo")


@with_groups
def drain(
    node: OneNode,
    undo: Annotated[bool, option("--undo", help="The node is in use as before.")] = False,
    withdraw: Annotated[bool, option("--withdraw", help="Then withdraw the node's routes.")] = False,
    stop: Annotated[bool, option("--stop", help="Then withdraw, and end speaker and agent for good.")] = False,
    wait: Annotated[
        float, option(min=0, metavar="SECONDS", help="For peers to choose other paths, after each step.")
    ] = WAIT,
    reason: Annotated[str, option(help="The reason that peers are given when sessions close (RFC 9003).")] = "",
) -> None:
    """Lead traffic away from one node, step by step, before its maintenance; --undo leads it back.

    Its routes are readvertised with GRACEFUL_SHUTDOWN (RFC 8326), and no session is reset. The node goes on forwarding
    what still comes. It stays drained over restarts of speaker and agent, until --undo or until the machine restarts.
    """
    if stop and node.is_in_cluster:
        raise NotReadyError(
            "--stop is for the machine itself, for in a cluster the kubelet starts another agent; use --withdraw: "
            "then the end of the pod, also when the machine is shut down, closes the sessions for good"
        )
    if undo:
        _undo(node)
        return
    drained = node.find()
    _lead(drained, Stage.MARKED, reason, wait)
    if withdraw or stop:
        _print_what_is_withdrawn(drained)
        _lead(drained, Stage.WITHDRAWN, reason, wait)
    if stop:
        _stop(node.find_here())
        echo("an agent that starts here before the machine restarts stays drained until bgpctl drain --undo")
    else:
        echo(f"{drained.name} is drained; bgpctl drain --undo ends that")


_DONE = {
    Stage.MARKED: "what draws traffic here is marked with GRACEFUL_SHUTDOWN",
    Stage.WITHDRAWN: "what draws traffic here is withdrawn",
}


def _lead(node: AskedNode, stage: Stage, reason: str, wait: float) -> None:
    """Asks for the stage and waits until peers have taken it up; nothing is waited for when it is reached already."""
    from reflector.messages import Drain

    reached = node.agent().drain
    answer = node.drain(Drain(stage, reason))
    if answer.unacknowledged is None:
        echo(f"{node.name}: no speaker runs; the next one reads it before its first session")
        return
    peers = _wait_for_peers(node, stage)
    echo(f"{node.name}: {_DONE[answer.stage]}; acknowledged by {peers} {'peer' if peers == 1 else 'peers'}")
    if (reached is None or reached.stage is not answer.stage) and wait:
        echo(f"{node.name}: waiting {wait:g} s for them to choose other paths")
        time.sleep(wait)


def _wait_for_peers(node: AskedNode, stage: Stage) -> int:
    """Until every peer has acknowledged everything. How many there are. Raises NotReadyError."""
    from reflector.messages import Drain

    deadline = time.monotonic() + PATIENCE
    printed: tuple[str, ...] = ()
    for answer in node.drain_steps(Drain(stage), _POLL):
        unacknowledged = answer.unacknowledged
        if not unacknowledged:
            break
        if time.monotonic() > deadline:
            raise NotReadyError(
                f"not acknowledged within {PATIENCE:g} s by {', '.join(unacknowledged)}; "
                f"{node.name} stays as far as it is"
            )
        if unacknowledged != printed and time.monotonic() > deadline - PATIENCE + 1:
            printed = unacknowledged
            echo(f"{node.name}: not acknowledged yet by {', '.join(unacknowledged)}")
    return sum(peer.state == "Established" for peer in node.peers().peers)


def _print_what_is_withdrawn(node: AskedNode) -> None:
    """The node's own prefixes. Whether there is another path is what this node itself has received: peers of one AS
    may not advertise each other's to it."""
    from reflector.messages import ShowRoutes
    from reflector.plan import RouteSource

    routes = [*node.routes(ShowRoutes(4)), *node.routes(ShowRoutes(6))]
    own = [route for route in routes if route.source is not RouteSource.BGP]
    shared = [route.prefix for route in own if route.candidates > 1]
    alone = [route.prefix for route in own if route.candidates == 1]
    if shared:
        echo(f"{node.name}: withdraws {', '.join(shared)}: another path is known here")
    if alone:
        echo(f"{node.name}: withdraws {', '.join(alone)}: no other path is known here, so traffic to it ends now")


def _stop(node: RunningNode) -> None:
    """Raises NotReadyError when the agent does not end."""
    from bgpctl.agent.host.other_process import OtherProcess
    from bgpctl.agent.host.run_directory import AGENT_SOCKET

    with OtherProcess.listening_on(node.run_directory / AGENT_SOCKET) or _gone(node) as agent:
        if not agent.stop():
            raise NotReadyError(f"the agent of {node.name} (process {agent.pid}) does not end")
    echo(f"{node.name}: sessions are closed with Administrative Shutdown, speaker and agent have ended")


def _gone(node: RunningNode) -> NoReturn:
    raise NotReadyError(f"the agent of {node.name} has ended before")


def _undo(node: OneNode) -> None:
    from bgpctl.cli.running import find_drained
    from reflector.messages import Drain

    stopped = None if node.is_in_cluster else find_drained(node.node, node.run_dir)
    if stopped is not None:
        stopped.unlink()
        echo(f"{stopped.parent.name} is in use from its next start")
        return
    drained = node.find()
    drained.drain(Drain(Stage.IN_USE))
    echo(f"{drained.name} is in use")
