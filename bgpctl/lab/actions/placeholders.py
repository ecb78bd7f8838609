"""The words of a usage in capitals, and what can stand for them. Each is checked against the topology when it is read.

NODE                a node                          PEER     a node, or an address
SET, OTHER          a node, a set, or several with commas between them
LINK                NODE (all its links), NODE:INTERFACE (what leaves there), or NODE--NODE (all between the two)
PART                agent, speaker, daemon or all   TIME     200ms, 5s, or seconds
PERCENT             5%                              RATE     10mbit, 64kbit, 1gbit
N, MB, ASN          whole numbers                   FILE     beside expectations.yml
NAME                the name of a resource file     DRAINED  marked or withdrawn
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bgpctl.lab.actions.grammar import ActionError
from bgpctl.lab.actions.operands import Cable, NodeSet, Part, Quantity
from bgpctl.lab.actions.scope import ActionScope
from bgpctl.lab.topology.document import suggestion
from bgpctl.lab.topology.links import Endpoint, Link
from reflector.drain import Stage as Drained

_TIME = re.compile(r"(\d+(?:\.\d+)?)(ms|s|)")
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)%")
_RATE = re.compile(r"(\d+(?:\.\d+)?)(kbit|mbit|gbit)")
_UNITS = {"ms": 0.001, "s": 1.0, "": 1.0, "kbit": 1e3, "mbit": 1e6, "gbit": 1e9}
_VETH_ENDS = 2


def read_placeholder(scope: ActionScope, placeholder: str, word: str) -> Any:
    """The value of the table above. Raises ActionError."""
    return _READERS[placeholder](scope, word)


def _node(scope: ActionScope, word: str) -> str:
    return scope.node(word).name


def _peer(scope: ActionScope, word: str) -> str:
    try:
        return str(ipaddress.ip_address(word))
    except ValueError:
        return scope.node(word).name


def _set(scope: ActionScope, word: str) -> NodeSet:
    nodes: dict[str, None] = {}
    for name in word.split(","):
        nodes |= dict.fromkeys(scope.names.sets.get(name) or (scope.node(name).name,))
    return NodeSet(word, tuple(nodes))


def _cable(scope: ActionScope, word: str) -> Cable:
    links = [link for link in scope.names.topology.links if len(link.endpoints) == _VETH_ENDS]
    if ":" in word:
        ends = tuple(end for link in links for end in link.endpoints if _end(end) == word)
        meant = [link for link in links if set(ends) & set(link.endpoints)]
    else:
        meant = [link for link in links if word in _words(link)]
        ends = tuple(end for link in meant for end in link.endpoints)
    if not meant:
        known = {known for link in links for known in (*_words(link), *map(_end, link.endpoints))}
        raise ActionError(f"the topology has no link {word!r}{suggestion(word, known)}")
    return Cable(word, tuple(meant), ends)


def _end(end: Endpoint) -> str:
    return f"{end.node}:{end.interface}"


def _words(link: Link) -> set[str]:
    one, other = link.endpoints
    return {one.node, other.node, f"{one.node}--{other.node}", f"{other.node}--{one.node}"}


def _part(_scene: ActionScope, word: str) -> Part:
    try:
        return Part(word)
    except ValueError:
        raise ActionError(f"{word!r} is none of {', '.join(Part)}{suggestion(word, Part)}") from None


def _drained(_scene: ActionScope, word: str) -> Drained:
    if word not in (Drained.MARKED, Drained.WITHDRAWN):
        raise ActionError(f"{word!r} is neither {Drained.MARKED} nor {Drained.WITHDRAWN}")
    return Drained(word)


def _quantity(pattern: re.Pattern[str], example: str) -> Callable[[ActionScope, str], Quantity]:
    def read(_scene: ActionScope, word: str) -> Quantity:
        found = pattern.fullmatch(word)
        if not found:
            raise ActionError(f"{word!r} is not of the form {example}")
        return Quantity(word, float(found[1]) * _UNITS[found[2]])

    return read


def _percent(_scene: ActionScope, word: str) -> Quantity:
    found = _PERCENT.fullmatch(word)
    if not found or float(found[1]) > 100:
        raise ActionError(f"{word!r} is not of the form 5%, at most 100%")
    return Quantity(word, float(found[1]) / 100)


def _number(_scene: ActionScope, word: str) -> int:
    if not (word.isascii() and word.isdecimal()):
        raise ActionError(f"{word!r} is not a whole number")
    return int(word)


def _file(scope: ActionScope, word: str) -> Path:
    found = scope.directory / word
    if not found.is_file():
        raise ActionError(f"{found} does not exist")
    return Path(word)


def _name(_scene: ActionScope, word: str) -> str:
    if Path(word).name != word:
        raise ActionError(f"{word!r} is not the name of a file")
    return word


_READERS: Mapping[str, Callable[[ActionScope, str], Any]] = {
    "NODE": _node,
    "PEER": _peer,
    "SET": _set,
    "OTHER": _set,
    "LINK": _cable,
    "PART": _part,
    "DRAINED": _drained,
    "TIME": _quantity(_TIME, "200ms or 5s"),
    "EVERY": _quantity(_TIME, "200ms or 5s"),
    "RATE": _quantity(_RATE, "10mbit"),
    "PERCENT": _percent,
    "N": _number,
    "MB": _number,
    "ASN": _number,
    "FILE": _file,
    "NAME": _name,
}
