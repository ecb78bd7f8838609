"""Data as YAML that reads back the same: here, with kubectl, and with any other reader of YAML 1.1 or 1.2.

Rule: a text that any of these might take for a number, a boolean or a date stands in quotes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from bgpctl.yaml_source.scalars import Resolver

_ENDLESS = 2**31 - 1


class _Dumper(yaml.CSafeDumper):
    """PyYAML's own idea of what is no text, and ours (scalars.py). With libyaml it takes an eighth of the time."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  PyYAML's signature
        return True


for _first, _resolvers in Resolver.yaml_implicit_resolvers.items():
    for _tag, _form in _resolvers:
        _Dumper.add_implicit_resolver(_tag, _form, [_first])


def _text(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    """Several lines as such, as kubectl writes them; in quotes where a line must not end."""
    style = None if "\n" not in value else '"' if isinstance(dumper, _OneLine) else "|"
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


class _OneLine(_Dumper):
    pass


_Dumper.add_representer(str, _text)
_OneLine.add_representer(str, _text)


def yaml_text(value: object) -> str:
    """Of mappings, sequences and scalars, as a block; it ends with a line break."""
    return str(yaml.dump(plain(value), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_ENDLESS))


def yaml_line(value: object) -> str:
    """The same in one line, without a line break."""
    text = yaml.dump(
        plain(value), Dumper=_OneLine, sort_keys=False, allow_unicode=True, width=_ENDLESS, default_flow_style=True
    )
    return str(text).removesuffix("...\n").rstrip("\n")


def plain(value: Any) -> Any:
    """Mappings as dictionaries and sequences as lists."""
    if isinstance(value, Mapping):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(each) for each in value]
    return value
