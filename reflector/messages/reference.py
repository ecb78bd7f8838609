"""docs/control-protocol.md, written from the messages:

python -m reflector.messages.reference > docs/control-protocol.md

Rule: a message's page is its docstring. Its first paragraphs are text; a block of lines `field   meaning` explains
fields, and a longer meaning goes on below, further in.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from enum import StrEnum
from textwrap import dedent
from typing import get_args

import msgspec

from reflector.messages.frames import PROTOCOL_VERSION, Reply
from reflector.messages.requests import Request

OPENING = f"""\
# The control protocol

Every message on `speaker.sock` and `agent.sock`, version {PROTOCOL_VERSION}. This page is written from the types in
`reflector/messages/` (`python -m reflector.messages.reference > docs/control-protocol.md`). What can be relied on is in
[control-socket.md](control-socket.md), what a later version may change in [compatibility.md](compatibility.md).

A frame is one octet with the version of the protocol, four octets of length (big-endian) and one
[msgpack](https://msgpack.org) value: a map with the key `type`, which is the name of the message, and a key for each
field. A request may leave out a field that has a default. A message with an unknown field is refused as a whole.
`bytes` are a msgpack binary, `list` is an array, times and durations are seconds. The code of a RouteVerdict is one of
those in [what-happens-to-a-route.md](what-happens-to-a-route.md).
"""

REQUESTS_OPENING = """
A client sends requests, and gets one reply to each, in order. `ShowAgent`, `ShowKernel`, `ShowNodeStatus` and `Confirm`
are for an agent, `Drain` is for both, everything else is for a speaker. Any request may be answered with
[Refused](#refused).
"""

REPLIES_OPENING = """
`LocRibUpdate` is the one message that comes unasked, after [Subscribed](#subscribed).
"""

VALUES_OPENING = """
Parts of the messages above. They have no key `type`.
"""

PLAN_OPENING = """
`NodePlan` and `Origination` are values of the plan: maps with the keys that `bgpctl compile --output json` prints. The
table of its fields is in [applying-changes.md](applying-changes.md).
"""

_FIELD = re.compile(r"^(\w+(?:, \w+)*) {2,}(\S.*)$")
_PLAN = "reflector.plan"


def render_page() -> str:
    """The whole page."""
    requests, replies = get_args(Request), get_args(Reply)
    parts = tuple(_parts((*requests, *replies)))
    values = [part for part in parts if issubclass(part, msgspec.Struct)]
    choices = [part for part in parts if issubclass(part, StrEnum)]
    return "".join(
        (
            OPENING,
            "\n## Requests\n",
            REQUESTS_OPENING,
            *map(_section, requests),
            "\n## Replies\n",
            REPLIES_OPENING,
            *map(_section, replies),
            "\n## Values\n",
            VALUES_OPENING,
            *map(_section, values),
            "\n## Names with a fixed set of values\n\n| name | values |\n|---|---|\n",
            *map(_choice, choices),
            "\n## The plan\n",
            PLAN_OPENING,
        )
    )


def explained_fields(kind: type) -> dict[str, str]:
    """The meaning of each field that the docstring explains; one line may do so for several."""
    found: dict[str, str] = {}
    names: list[str] = []
    for line in _lines(kind):
        field = _FIELD.match(line)
        if field:
            names = field.group(1).split(", ")
            found |= dict.fromkeys(names, field.group(2))
        elif line.startswith(" "):
            found |= {name: f"{found[name]} {line.strip()}" for name in names}
        else:
            names = []
    return found


def _text(kind: type) -> str:
    """The docstring without its block of fields."""
    lines = _lines(kind)
    block = next((number for number, line in enumerate(lines) if _FIELD.match(line)), len(lines))
    return "\n".join(lines[:block]).strip()


def _lines(kind: type) -> list[str]:
    first, _, rest = (kind.__doc__ or "").partition("\n")
    return [first, *dedent(rest).splitlines()]


def _section(kind: type[msgspec.Struct]) -> str:
    return "".join((f"\n### {kind.__name__}\n\n{_text(kind)}\n", *_fields(kind)))


def _fields(kind: type[msgspec.Struct]) -> Iterator[str]:
    fields = msgspec.inspect.type_info(kind).fields  # type: ignore[attr-defined]  # a struct's information has them
    if not fields:
        return
    meanings = explained_fields(kind)
    yield "\n| field | type | default | meaning |\n|---|---|---|---|\n"
    for field in fields:
        meaning = meanings.get(field.name, "")
        yield f"| `{field.name}` | {type_text(field.type)} | {_default(field)} | {meaning} |\n"


def _default(field: msgspec.inspect.Field) -> str:
    default = field.default_factory() if field.default is msgspec.NODEFAULT and not field.required else field.default
    if field.required or isinstance(default, msgspec.Struct):
        return ""
    return f"`{msgspec.json.encode(default).decode()}`"


# The names of msgspec's kinds of types; the others are compounds, below.
_SIMPLE = {
    msgspec.inspect.IntType: "integer",
    msgspec.inspect.FloatType: "float",
    msgspec.inspect.StrType: "string",
    msgspec.inspect.BoolType: "boolean",
    msgspec.inspect.BytesType: "bytes",
    msgspec.inspect.NoneType: "null",
}


def type_text(kind: msgspec.inspect.Type) -> str:
    """A type in words, with links to values of this page."""
    match kind:
        case msgspec.inspect.VarTupleType(item_type=item):
            return f"list of {type_text(item)}"
        case msgspec.inspect.TupleType(item_types=items):
            return f"list ({', '.join(map(type_text, items))})"
        case msgspec.inspect.DictType(key_type=key, value_type=value):
            return f"map of {type_text(key)} to {type_text(value)}"
        case msgspec.inspect.UnionType(types=types):
            return " or ".join(map(type_text, types))
        case msgspec.inspect.LiteralType(values=values):
            return " or ".join(str(value) for value in values)
        case msgspec.inspect.StructType(cls=cls) if cls.__module__ != _PLAN:
            return f"[{cls.__name__}](#{cls.__name__.lower()})"
        case msgspec.inspect.StructType(cls=cls) | msgspec.inspect.EnumType(cls=cls):
            return f"`{cls.__name__}`"
    return _SIMPLE[type(kind)]


def _parts(messages: tuple[type, ...]) -> Iterator[type]:
    """Every value and enumeration that messages are made of, once, but not what a plan is made of."""
    seen: set[type] = set(messages)
    waiting = list(messages)
    while waiting:
        for field in msgspec.inspect.type_info(waiting.pop(0)).fields:  # type: ignore[attr-defined]
            for cls in _classes(field.type):
                if cls in seen or (cls.__module__ == _PLAN and issubclass(cls, msgspec.Struct)):
                    continue
                seen.add(cls)
                yield cls
                if issubclass(cls, msgspec.Struct):
                    waiting.append(cls)


def _classes(kind: msgspec.inspect.Type) -> Iterator[type]:
    match kind:
        case msgspec.inspect.StructType(cls=cls) | msgspec.inspect.EnumType(cls=cls):
            yield cls
        case msgspec.inspect.VarTupleType(item_type=item):
            yield from _classes(item)
        case msgspec.inspect.TupleType(item_types=kinds) | msgspec.inspect.UnionType(types=kinds):
            for each in kinds:
                yield from _classes(each)


def _choice(choice: type[StrEnum]) -> str:
    return f"| `{choice.__name__}` | {', '.join(f'`{member.value}`' for member in choice)} |\n"


if __name__ == "__main__":
    sys.stdout.write(render_page())
