"""Reads a containerlab topology file: the lab with its nodes and links, or all problems in it.

The format is containerlab's own (clab.schema.json of containerlab.dev), so that the same file deploys there with
containers. What is different here: a node is a network namespace, and the label `bgpctl-role` names what runs in it
(roles.py). A bind of a directory to /etc/bgpctl/resources gives an agent its resources; `startup-config`, or a bind of
a file to its usual place, gives a routing daemon its configuration.
"""

from __future__ import annotations

import re
from pathlib import Path

from bgpctl.lab.topology.document import DocumentError, Element, read_lab_file, suggestion
from bgpctl.lab.topology.fields import KINDS
from bgpctl.lab.topology.links import read_links
from bgpctl.lab.topology.node_settings import Settings, read_settings, read_settings_by_name
from bgpctl.lab.topology.roles import CONFIGURATION_MOUNTS, Role, read_role
from bgpctl.lab.topology.topology import Node, Topology
from bgpctl.yaml_source.problem import Problem, Severity

RESOURCES_MOUNT = "/etc/bgpctl/resources"
_LAB_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]*")
_NODE_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._|-]*")
# <lab>-<node> names a file in /run/netns and part of a socket path, of which Linux takes 107 octets (unix(7)).
_LONGEST_NAME = 60
# IFNAMSIZ with its closing zero: the bridge of a node of that kind has the node's name.
_LONGEST_BRIDGE = 15
_NODE_NAME_VARIABLE = "__clabNodeName__"


def read_topology(file: Path) -> Topology:
    """The lab in `file`. Raises NotReadyError when it cannot be read, DocumentError with all problems in it."""
    root = read_lab_file(file)
    reader = _TopologyReader(file)
    topology = reader.read(root)
    if root.problems:
        raise DocumentError(root.problems)
    return topology


def lab_name(file: Path) -> str:
    """Only the name of the lab in `file`: enough to take it down, whatever else is wrong in the file."""
    root = read_lab_file(file)
    name = _read_name(root)
    if not name:
        raise DocumentError(root.problems)
    return name


def _read_name(root: Element) -> str:
    element = root.fields().get("name")
    if element is None:
        root.complain("the lab needs a `name`")
        return ""
    name = element.text()
    if not _LAB_NAME.fullmatch(name):
        element.complain(f"{name!r} is no lab name: letters, digits, '.', '_' and '-', the first a letter or digit")
        return ""
    return name


class _TopologyReader:
    def __init__(self, file: Path) -> None:
        self._file = file
        self._notes: list[Problem] = []

    def read(self, root: Element) -> Topology:
        top = dict(root.known_fields(("name", "prefix", "mgmt", "topology", "settings", "debug")))
        name = _read_name(root)
        for ignored in ("prefix", "mgmt", "settings"):
            if ignored in top:
                self._note(top[ignored], f"`{ignored}` is about containers and ignored here")
        if "topology" not in top:
            root.complain("the lab needs a `topology`")
            return Topology(name, self._file, (), ())
        parts = dict(top["topology"].known_fields(("nodes", "groups", "kinds", "defaults", "links")))
        nodes = self._nodes(parts, name)
        if not nodes and "nodes" not in parts:
            top["topology"].complain("the topology needs `nodes`")
        links = read_links(parts["links"], {node.name for node in nodes}) if "links" in parts else ()
        return Topology(name, self._file, nodes, links, tuple(self._notes))

    def _note(self, element: Element, message: str) -> None:
        self._notes.append(Problem(element.file, element.line, "", element.path, "", message, Severity.WARNING))

    def _nodes(self, parts: dict[str, Element], lab: str) -> tuple[Node, ...]:
        defaults = read_settings(parts["defaults"]) if "defaults" in parts else Settings()
        kinds = read_settings_by_name(parts.get("kinds"))
        groups = read_settings_by_name(parts.get("groups"))
        nodes = []
        for name, element in parts["nodes"].fields().items() if "nodes" in parts else ():
            own = read_settings(element)
            group = own.group or defaults.group
            if group and group not in groups and own.group and groups:
                element.complain(f"unknown group {group!r}{suggestion(group, groups)}")
            by_group = groups.get(group, Settings())
            kind = own.kind or by_group.kind or defaults.kind
            self._check(element, name, lab, kind)
            settings = defaults.then(kinds.get(kind, Settings())).then(by_group).then(own)
            nodes.append(self._node(element, name, kind, settings))
        return tuple(nodes)

    @staticmethod
    def _check(element: Element, name: str, lab: str, kind: str) -> None:
        if not _NODE_NAME.fullmatch(name):
            element.complain(f"{name!r} is no node name: letters, digits, '.', '_' and '-'")
        if len(f"{lab}-{name}") > _LONGEST_NAME:
            element.complain(f"'{lab}-{name}' is longer than {_LONGEST_NAME} characters")
        if not kind:
            element.complain("the node needs a `kind` (its own, its group's or the default)")
        elif kind not in KINDS:
            known = f"{suggestion(kind, KINDS)}; what runs in a namespace here: {', '.join(KINDS)}"
            element.complain(f"unknown kind {kind!r}{known}")
        elif kind == "bridge" and len(name) > _LONGEST_BRIDGE:
            element.complain(f"{name!r} is longer than the {_LONGEST_BRIDGE} characters of a bridge's name")

    def _node(self, element: Element, name: str, kind: str, settings: Settings) -> Node:
        role = read_role(element, settings.labels, kind)
        resources, configuration = self._mounted(settings.binds, role, name)
        if settings.startup is not None:
            configuration = self._startup_file(settings.startup, name)
        if role.runs_agent and resources is None:
            element.complain(f"an agent runs here: it needs a bind of its resources, DIRECTORY:{RESOURCES_MOUNT}")
        if role.runs_daemon and configuration is None:
            element.complain(f"{role} runs here: it needs its configuration, startup-config: FILE")
        return Node(
            name=name,
            line=element.line,
            role=role,
            kind=kind,
            exec=settings.exec,
            env=settings.env,
            sysctls=settings.sysctls,
            labels=settings.labels,
            resources=resources if role.runs_agent else None,
            configuration=configuration if role.runs_daemon else None,
        )

    def _mounted(self, binds: tuple[Element, ...], role: Role, name: str) -> tuple[Path | None, Path | None]:
        """The resources and the configuration that are bound to where they are looked for."""
        resources = configuration = None
        for bind in binds:
            source, _, rest = bind.text().partition(":")
            target = rest.partition(":")[0].rstrip("/")
            if target == RESOURCES_MOUNT:
                resources = self._file_named(bind, source, name)
            elif target in CONFIGURATION_MOUNTS.get(role, ()):
                configuration = self._file_named(bind, source, name)
            else:
                self._note(bind, "not mounted: nodes here see the files of this machine")
        return resources, configuration

    def _startup_file(self, element: Element, node: str) -> Path | None:
        """Containerlab also takes the configuration itself or a URL."""
        text = element.text()
        if "\n" in text or "://" in text:
            element.complain("write the configuration into a file beside the topology and name that")
            return None
        return self._file_named(element, text, node)

    def _file_named(self, element: Element, text: str, node: str) -> Path:
        """Beside the topology file; containerlab's variable stands for the node's name."""
        found = (self._file.parent / text.replace(_NODE_NAME_VARIABLE, node)).resolve()
        if not found.exists():
            element.complain(f"{found} does not exist")
        return found
