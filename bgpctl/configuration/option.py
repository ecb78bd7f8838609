"""What an option is: a field of a frozen dataclass, annotated with `Option`.

    route_table: Annotated[int, Option("The table of our kernel routes.", parse=route_table)] = 254

The name on the command line, in the file and in the environment is the field's: `--route-table`, `route-table`,
`BGPCTL_ROUTE_TABLE`. A field that is such a dataclass itself takes its options along. A field without `Option` is none.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

VARIABLE_PREFIX = "BGPCTL_"
TRUE, FALSE = "true", "false"


@dataclass(frozen=True, slots=True)
class Variables:
    """Environment variables of Calico that set an option. `read` gives the value, None where they do not set it; it
    raises ValueError, with a text that names the variable."""

    names: tuple[str, ...]
    read: Callable[[Mapping[str, str]], Any]


@dataclass(frozen=True, slots=True)
class Option:
    """The declaration of one option.

    help         one sentence or two, for --help and docs
    parse        text to value, else by the field's type; raises ValueError with what is wrong
    metavar      what stands for the value in --help
    default      how the default reads, where the value does not show it
    opposite     of a flag: the flag that makes it false
    takes_empty  an empty text is a value; of other options it is as good as none
    variables    Calico's environment variables, read after the option's own
    """

    help: str
    parse: Callable[[str], Any] | None = None
    metavar: str = ""
    default: str = ""
    opposite: str = ""
    takes_empty: bool = False
    variables: Variables | None = None


@dataclass(frozen=True, slots=True)
class Declared:
    """An option with what its field adds. `default` is dataclasses.MISSING where a value has to be given."""

    name: str
    kind: Any
    option: Option
    default: Any

    @property
    def key(self) -> str:
        return self.name.replace("_", "-")

    @property
    def flag(self) -> str:
        return f"--{self.key}"

    @property
    def variable(self) -> str:
        return VARIABLE_PREFIX + self.name.upper()

    @property
    def is_flag(self) -> bool:
        return self.kind is bool

    @property
    def is_required(self) -> bool:
        return self.default is dataclasses.MISSING

    @property
    def choices(self) -> tuple[str, ...]:
        """The values that there are, of an option with a few."""
        if self.is_flag:
            return (TRUE, FALSE)
        return tuple(each.value for each in self.kind) if _is_enum(self.kind) else ()

    @property
    def default_text(self) -> str:
        """How the default reads; "" for none."""
        if self.option.default or self.is_required or self.default is None:
            return self.option.default
        return (TRUE if self.default else FALSE) if self.is_flag else str(self.default)

    def parse(self, text: str) -> Any:
        """Raises ValueError with what is wrong with the text."""
        if self.option.parse is not None:
            return self.option.parse(text)
        if self.choices and text not in self.choices:
            raise ValueError(f"{text!r} is not {' or '.join(self.choices)}")
        if self.is_flag:
            return text == TRUE
        if self.kind is int and not text.isdecimal():
            raise ValueError(f"{text!r} is not a number")
        return self.kind(text)


def declared_options(kind: type) -> tuple[Declared, ...]:
    """The options of a dataclass and of the dataclasses in it, in the order of its fields."""
    return tuple(_declared(kind))


def parts(kind: type) -> Iterator[tuple[str, type]]:
    """The fields of a dataclass that are dataclasses with options themselves."""
    for name, hint in _hints(kind).items():
        if dataclasses.is_dataclass(hint) and isinstance(hint, type) and declared_options(hint):
            yield name, hint


def _declared(kind: type) -> Iterator[Declared]:
    inner = dict(parts(kind))
    hints = _hints(kind)
    for field in dataclasses.fields(kind):
        hint = hints[field.name]
        if field.name in inner:
            yield from declared_options(inner[field.name])
        elif get_origin(hint) is Annotated:
            bare, *notes = get_args(hint)
            found = next((each for each in notes if isinstance(each, Option)), None)
            if found is not None:
                yield Declared(field.name, _without_none(bare), found, _default_of(field))


def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind, include_extras=True)


def _without_none(kind: Any) -> Any:
    if get_origin(kind) not in (Union, types.UnionType):
        return kind
    return next(each for each in get_args(kind) if each is not types.NoneType)


def _default_of(field: dataclasses.Field[Any]) -> Any:
    """A default that is made is made once it is needed; until then it counts as none."""
    if field.default_factory is not dataclasses.MISSING:
        return None
    return field.default


def _is_enum(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, StrEnum)
