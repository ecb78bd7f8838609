"""The daemons' command lines in a node: `birdc show route` finds the node's daemon without a path.

Each is a script of its own name in the node's `bin`, which is the first directory of PATH for all that runs there. A
command of `exec` that begins with one of them waits until the daemon answers.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from bgpctl.lab.daemons.table import DAEMONS, place_of
from bgpctl.lab.netns.state import LabState
from bgpctl.lab.topology.topology import Exec, Node

_BIN = "bin"


def write_tools(state: LabState, node: Node) -> None:
    """The scripts of a node whose role runs a daemon."""
    place = place_of(state, node)
    directory = place.directory / _BIN
    directory.mkdir(exist_ok=True)
    for name, words in DAEMONS[node.role].tools(place).items():
        script = directory / name
        # By its full path: the script itself is the first of its name on PATH.
        program = shlex.quote(_program(words[0]))
        script.write_text(f'#!/bin/sh\nexec {program} {shlex.join(words[1:])} "$@"\n')
        script.chmod(0o700)


def _program(name: str) -> str:
    directories = [directory for directory in os.get_exec_path() if (Path(directory) / name).is_file()]
    return str(Path(directories[0]) / name) if directories else name


def environment(state: LabState, node: Node) -> Mapping[str, str]:
    """What a command in the node has on top of this program's environment: a PATH with the daemon's command lines and
    then this installation's, so that `bgpctl` is ours unless the daemon has a `bgpctl` of its own."""
    path = node.env.get("PATH", os.environ.get("PATH", os.defpath))
    directories = [str(state.node_directory(node.name) / _BIN)] if node.role in DAEMONS else []
    return {**node.env, "PATH": os.pathsep.join([*directories, str(Path(sys.executable).parent), path])}


def waits_for_daemon(state: LabState, node: Node, command: Exec) -> bool:
    if node.role not in DAEMONS or not command.words:
        return False
    return command.words[0] in DAEMONS[node.role].tools(place_of(state, node))
