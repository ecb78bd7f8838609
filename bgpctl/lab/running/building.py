"""Makes what a lab is made of, namespaces, links and addresses, and removes it.

The rule: a marker is written before its namespace is made (state.py), so that removal finds all of it,
whatever has ended the building. Removal can be stopped anywhere and run again.
"""

from __future__ import annotations

import shutil

from bgpctl.errors import NotReadyError
from bgpctl.lab.daemons import process_control
from bgpctl.lab.daemons.tools import waits_for_daemon
from bgpctl.lab.netns import batch, disks, links, namespaces, processes
from bgpctl.lab.netns.progress import Progress
from bgpctl.lab.netns.state import LabState
from bgpctl.lab.running.forked import reap
from bgpctl.lab.running.lab_resources import LabResources
from bgpctl.lab.topology.topology import Node, Topology
from bgpctl.yaml_source.path import json_path


def clear(state: LabState, lock: int) -> None:
    """Kills, then removes the namespaces, then their markers."""
    marked = state.marked()
    reap(processes.kill_all(tuple(marked.values())))
    namespaces.remove(marked.values(), lock)
    disks.unmount_all(state)
    for node in marked:
        shutil.rmtree(state.node_directory(node))
    state.remove_shared()


def build(state: LabState, topology: Topology, lock: int, progress: Progress) -> None:
    process_control.require_installed(topology.daemons)
    names = {node.name: state.namespace(node.name) for node in topology.nodes}
    for name in names.values():
        if namespaces.exists(name):
            raise NotReadyError(
                f"there is a network namespace {name} that this lab did not make; remove it or rename the lab"
            )
    LabResources.of(topology).copy()
    for node in topology.nodes:
        disks.mount(state, node)
        state.mark(node.name)
    namespaces.create(names.values(), lock)
    # In every namespace before the next stage: an interface takes over the `default` sysctls when it is made, and a
    # link is made by one of its two ends.
    for name, stage in _STAGES.items():
        for done, node in enumerate(topology.nodes, start=1):
            with namespaces.inside(names[node.name]):
                stage(topology, node, batch.Workplace(str(topology.file), node.env))
            progress(name, done, len(topology.nodes))


def _set_sysctls(_topology: Topology, node: Node, place: batch.Workplace) -> None:
    for key, value in node.sysctls.items():
        batch.write_sysctl(key, value, place, node.line, json_path(("topology", "nodes", node.name, "sysctls")))


def _make_links(topology: Topology, node: Node, place: batch.Workplace) -> None:
    state = LabState(topology.name)
    batch.run_batch(links.creation(topology.links, node.name, state.namespace), place)


def _configure(topology: Topology, node: Node, place: batch.Workplace) -> None:
    state = LabState(topology.name)
    early = [command for command in node.exec if not waits_for_daemon(state, node, command)]
    batch.run_execs(early, place, links.configuration(topology.links, node.name, node.bridge))


_STAGES = {"sysctls": _set_sysctls, "links": _make_links, "addresses and commands": _configure}
