"""The resources with this node's detected addresses in its Node, and a problem that names where they came from. Pure.

Rule: an address that the Node has stays as it is. Only this node's compilation sees an overlay: the files stay as they
are, and other nodes do not know the address.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bgpctl.agent.autodetection.choice import NotFound
from bgpctl.yaml_source.problem import Problem, Severity
from reflector.plan import Family

if TYPE_CHECKING:
    from bgpctl.resources import Loaded
    from bgpctl.resources.kinds.node import Node

_PATHS: dict[Family, str] = {4: "$.spec.bgp.ipv4Address", 6: "$.spec.bgp.ipv6Address"}


@dataclass(frozen=True, slots=True)
class Detected:
    """An address as it goes into the Node.

    method    how it was found, as the operator writes it
    missing   why the method finds nothing now: this is the address of before; "" when it was found
    """

    address: str
    interface: str
    method: str
    missing: str = ""

    def __str__(self) -> str:
        place = f"found on {self.interface}" if self.interface else "on no interface of this host"
        kept = f", kept although it is not found now: {self.missing}" if self.missing else ""
        return f"{self.address}, {place} ({self.method}){kept}"


Outcome = Detected | NotFound


def overlay(loaded: Loaded, node: Node, outcomes: Mapping[Family, Outcome]) -> Loaded:
    """`loaded` with the addresses in its Node `node`, and a warning about each outcome."""
    if not outcomes:
        return loaded
    found = {family: each.address for family, each in outcomes.items() if isinstance(each, Detected)}
    resources = loaded.resources.with_resource(node.with_addresses(found)) if found else loaded.resources
    problems = tuple(_problem(loaded, node, family, outcome) for family, outcome in outcomes.items())
    return replace(loaded, resources=resources, problems=tuple(sorted((*loaded.problems, *problems))))


def _problem(loaded: Loaded, node: Node, family: Family, outcome: Outcome) -> Problem:
    location, subject, path = loaded.resources.location(node), f"Node/{node.name}", _PATHS[family]
    if isinstance(outcome, Detected):
        message = f"the Node has no IPv{family} address; in use is {outcome}"
        return Problem(location.file, location.line, subject, path, "detected-address", message, Severity.WARNING)
    message = f"the Node has no IPv{family} address and none was found: {outcome.reason}"
    return Problem(location.file, location.line, subject, path, "no-address-detected", message, Severity.WARNING)
