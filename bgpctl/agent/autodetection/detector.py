"""Keeps what was detected: one choice follows the other, and a restart of the agent is no reason for another one.

Rule: an address that is gone without another in its place stays in the plan, with a warning. A network service that is
restarted takes every address away for a moment, and a plan without addresses would reset every session.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from bgpctl.agent.autodetection.choice import Circumstances, Found, choose
from bgpctl.agent.autodetection.host import Host
from bgpctl.agent.autodetection.overlay import Detected, Outcome, internal_addresses, needed_families, overlay
from bgpctl.agent.autodetection.settings import DetectionSettings
from bgpctl.agent.host.logs import get_logger
from bgpctl.agent.host.run_directory import write_private
from bgpctl.resources import Loaded
from reflector.plan import Family

log = get_logger("address")


class Remembered(msgspec.Struct, frozen=True):
    """What stands in the file for one family."""

    address: str
    interface: str
    method: str


class Detector:
    """The detected addresses of one node. `file` is where they outlive the agent."""

    def __init__(self, node: str, settings: DetectionSettings, file: Path) -> None:
        self.outcomes: dict[Family, Outcome] = {}
        self._node = node
        self._settings = settings
        self._file = file
        self._remembered = self._written = _read(file)

    @property
    def sentences(self) -> tuple[str, ...]:
        """What was found, or why nothing was, for people."""
        return tuple(_sentence(family, outcome) for family, outcome in sorted(self.outcomes.items()))

    def needed(self, loaded: Loaded) -> tuple[Family, ...]:
        """The families whose address the host has to tell. None for a Node that is not there: that is a problem of
        the resources, and no address makes it good."""
        node = loaded.resources.nodes.get(self._node)
        return needed_families(node, self._settings) if node else ()

    def destinations(self, loaded: Loaded) -> tuple[tuple[Family, str], ...]:
        """What the kernel is to be asked for: from where it would call these."""
        wishes = {family: self._settings.wishes[family].method for family in self.needed(loaded)}
        return tuple((family, each.destination) for family, each in wishes.items() if each.kind == "can-reach")

    def apply(self, loaded: Loaded, host: Host) -> Loaded:
        """The resources as this node is to compile them on this host. Resources without this node, unreadable ones
        perhaps, say nothing: what was found stays found."""
        if self._node not in loaded.resources.nodes:
            return loaded
        before = self.outcomes
        self.outcomes = {family: self._choose(family, loaded, host) for family in self.needed(loaded)}
        self._remember()
        for family, outcome in self.outcomes.items():
            if outcome != before.get(family):
                say = log.info if isinstance(outcome, Detected) and not outcome.missing else log.warning
                say("address of this node", family=family, outcome=_sentence(family, outcome))
        return overlay(loaded, self._node, self.outcomes)

    def _choose(self, family: Family, loaded: Loaded, host: Host) -> Outcome:
        method = self._settings.wishes[family].method
        before = self._remembered.get(str(family))
        internal = internal_addresses(loaded.resources.nodes[self._node])
        found = choose(method, family, Circumstances(host, internal, {family: before.address} if before else {}))
        if isinstance(found, Found):
            return Detected(found.address, found.interface, method.text)
        if before is not None and before.method == method.text:
            return Detected(before.address, before.interface, method.text, found.reason)
        return found

    def _remember(self) -> None:
        remembered = {
            str(family): Remembered(each.address, each.interface, each.method)
            for family, each in self.outcomes.items()
            if isinstance(each, Detected)
        }
        self._remembered = remembered
        if remembered == self._written:
            return
        try:
            if remembered:
                write_private(self._file, msgspec.json.encode(remembered))
            else:
                self._file.unlink(missing_ok=True)
        except OSError as error:
            log.warning("detected addresses cannot be written for the next agent", reason=error.strerror)
        else:
            self._written = remembered


def _read(file: Path) -> dict[str, Remembered]:
    """What an earlier agent has found. A file that is not as we write it is as good as none."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, Remembered])
    except FileNotFoundError:
        return {}
    except msgspec.DecodeError as error:
        log.warning("detected addresses of an earlier agent are not readable, they are left aside", error=str(error))
        return {}


def _sentence(family: Family, outcome: Outcome) -> str:
    return f"IPv{family} {outcome}" if isinstance(outcome, Detected) else f"no IPv{family} address: {outcome.reason}"
