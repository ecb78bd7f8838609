"""In which forms a command prints what it found: tables for people, JSON and YAML for programs."""

from __future__ import annotations

from enum import StrEnum

DATA = frozenset({"json", "yaml"})


class Output(StrEnum):
    """WIDE: all columns."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"

    @property
    def is_data(self) -> bool:
        return self in DATA


def data_text(value: object, form: str) -> str:
    """The value, of JSON's types or of ours, in one of the forms of DATA; it ends with a line break."""
    import msgspec

    if form != Output.YAML:
        return msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n"
    import yaml

    return str(yaml.safe_dump(msgspec.json.decode(msgspec.json.encode(value)), sort_keys=False, allow_unicode=True))
