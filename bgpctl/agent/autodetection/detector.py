"""Keeps what was detected: each choice takes the one before into account, also after a restart of the agent.

Rule: an address that is gone without another in its place stays in the plan, with a warning. A network service that is
restarted takes every address away for a moment, and a plan without addresses would reset every session.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from bgpctl.agent.autodetection.choice import Circumstances, Found, choose
from bgpctl.agent.autodetection.host import Host
from bgpctl.agent.autodetection.overlay import Detected, Outcome, overlay
from bgpctl.agent.autodetection.settings import DetectionSettings
from bgpctl.agent.autodetection.subject import Subject
from bgpctl.daemon.logs import get_logger
from bgpctl.daemon.private_file import write_private
from reflector.plan import Family

if TYPE_CHECKING:
    from bgpctl.agent.node_resources import NodeResources

log = get_logger("address")


class KeptAddress(msgspec.Struct, frozen=True):
    """One family in the file."""

    address: str
    interface: str
    method: str


class Detector:
    """The detected addresses of one node. `file` is where they outlive the agent."""

    def __init__(self, settings: DetectionSettings, file: Path) -> None:
        self.outcomes: dict[Family, Outcome] = {}
        self._settings = settings
        self._file = file
        self._kept = self._written = _read(file)

    @property
    def sentences(self) -> tuple[str, ...]:
        """What was found, or why nothing was, as sentences."""
        return tuple(_sentence(family, outcome) for family, outcome in sorted(self.outcomes.items()))

    def needed(self, subject: Subject | None) -> tuple[Family, ...]:
        """The families whose address has to be looked for on the host. None for a Node that is not there: that is a
        problem of the resources, which no address solves."""
        return subject.needed_families(self._settings) if subject is not None else ()

    def destinations(self, subject: Subject | None) -> tuple[tuple[Family, str], ...]:
        """The destinations of `can-reach`: the kernel is asked for the source address of each."""
        methods = {family: self._settings.methods[family] for family in self.needed(subject)}
        return tuple((family, each.destination) for family, each in methods.items() if each.kind == "can-reach")

    def look(self, subject: Subject, host: Host) -> None:
        """What `outcomes` is afterwards."""
        before = self.outcomes
        self.outcomes = {family: self._choose(family, subject, host) for family in self.needed(subject)}
        self._keep()
        for family, outcome in self.outcomes.items():
            if outcome != before.get(family):
                write = log.info if isinstance(outcome, Detected) and not outcome.missing else log.warning
                write("address of this node", family=family, outcome=_sentence(family, outcome))

    def apply(self, resources: NodeResources, host: Host) -> NodeResources:
        """The resources as this node compiles them on this host. Resources without this node, unreadable ones
        perhaps, change nothing: what was found stays found."""
        if resources.own is None:
            return resources
        self.look(Subject.of(resources.own), host)
        return resources.with_loaded(overlay(resources.loaded, resources.own, self.outcomes))

    def _choose(self, family: Family, subject: Subject, host: Host) -> Outcome:
        method = self._settings.methods[family]
        before = self._kept.get(str(family))
        internal = subject.internal_addresses
        found = choose(method, family, Circumstances(host, internal, {family: before.address} if before else {}))
        if isinstance(found, Found):
            return Detected(found.address, found.interface, method.text)
        if before is not None and before.method == method.text:
            return Detected(before.address, before.interface, method.text, found.reason)
        return found

    def _keep(self) -> None:
        kept = {
            str(family): KeptAddress(each.address, each.interface, each.method)
            for family, each in self.outcomes.items()
            if isinstance(each, Detected)
        }
        self._kept = kept
        if kept == self._written:
            return
        try:
            if kept:
                write_private(self._file, msgspec.json.encode(kept))
            else:
                self._file.unlink(missing_ok=True)
        except OSError as error:
            log.warning("detected addresses cannot be written for the next agent", reason=error.strerror)
        else:
            self._written = kept


def _read(file: Path) -> dict[str, KeptAddress]:
    """What an earlier agent has found. A file that an agent has not written so is as good as none."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, KeptAddress])
    except FileNotFoundError:
        return {}
    except msgspec.DecodeError as error:
        log.warning("detected addresses of an earlier agent are not readable, they are left aside", error=str(error))
        return {}


def _sentence(family: Family, outcome: Outcome) -> str:
    return f"IPv{family} {outcome}" if isinstance(outcome, Detected) else f"no IPv{family} address: {outcome.reason}"
