"""The tables of `calicoctl node status`: the sessions of a node's BIRD, as values.

    | 10.3.0.1     | node-to-node mesh | up    | 20:10:57 | Established |

An INFO that is long goes on in the next line, whose other columns are empty. Rule: each line is of a table, or one of
the sentences around them; a table that does not end is a paste that was cut off.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from bgpctl.comparison.pasted import PastedError, lines_of, quoted
from reflector.addresses import FAMILIES, canonical_address
from reflector.plan import Family, SessionKind

HEADER = ("PEER ADDRESS", "PEER TYPE", "STATE", "SINCE", "INFO")
KINDS = {
    "node-to-node mesh": SessionKind.MESH,
    "node specific": SessionKind.NODE,
    "global": SessionKind.GLOBAL,
}
_SENTENCE = re.compile(
    r"Calico process is (?:running|not running)\.|IPv[46] BGP status|No IPv[46] peers found\.|"
    r"The BGP backend process \(BIRD\) is not running\.|INFO: BIRDv[46] process: .*|Error querying BIRD: .*"
)
_RULE = re.compile(r"\+[-+]+\+")
_PORT = re.compile(r"(?P<address>.+)[.:]port[.:]\d+")


@dataclass(frozen=True, slots=True)
class BirdSession:
    """`info` is BIRD's word on the state: Established, Active, ... with what else it says."""

    address: str
    kind: SessionKind
    state: str
    info: str
    line: int

    @property
    def is_established(self) -> bool:
        return self.info.startswith("Established")


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """`families`: those that the text has something about."""

    sessions: tuple[BirdSession, ...]
    families: frozenset[Family]


def is_node_status(text: str) -> bool:
    return any(_cells(line) == HEADER or _SENTENCE.fullmatch(line.strip()) for _, line in lines_of(text))


def read_node_status(text: str) -> NodeStatus:
    """In the order of the text. Raises PastedError."""
    found: list[BirdSession] = []
    families: set[Family] = set()
    rules, last = 0, 0
    for number, line in lines_of(text):
        stripped = line.strip()
        if _RULE.fullmatch(stripped):
            rules, last = rules + 1, number
        elif _SENTENCE.fullmatch(stripped):
            families |= {family for family in FAMILIES if stripped == f"IPv{family} BGP status"}
        elif cells := _cells(stripped):
            _take(found, number, cells)
        else:
            raise PastedError(number, f"{quoted(line)} is no line of `calicoctl node status`")
    if rules % 3:
        raise PastedError(last, "the table that begins here has no end: the paste is cut off")
    return NodeStatus(tuple(found), frozenset(families))


def _cells(line: str) -> tuple[str, ...]:
    """() for what is no row."""
    stripped = line.strip()
    if not (stripped.startswith("|") and stripped.endswith("|") and len(stripped) > 1):
        return ()
    return tuple(cell.strip() for cell in stripped[1:-1].split("|"))


def _take(found: list[BirdSession], number: int, cells: tuple[str, ...]) -> None:
    if cells == HEADER:
        return
    if len(cells) != len(HEADER):
        raise PastedError(number, f"a row of {len(cells)} columns in a table of {len(HEADER)}")
    address, kind, state, _, info = cells
    if not address and found:
        last = found.pop()
        found.append(BirdSession(last.address, last.kind, last.state, f"{last.info} {info}".strip(), last.line))
        return
    if kind not in KINDS:
        raise PastedError(number, f"{quoted(kind)} is no type of a peer: {', '.join(KINDS)}")
    port = _PORT.fullmatch(address)
    try:
        peer = canonical_address(port["address"] if port else address)
    except ValueError:
        raise PastedError(number, f"{quoted(address)} is no address of a peer") from None
    found.append(BirdSession(peer, KINDS[kind], state, info, number))
