"""Data as YAML that reads back as the same data, here and in programs that read YAML 1.1.

Rule: a text is written without quotes only where neither this reader (scalars.py) nor YAML 1.1 takes it for anything
else: "1e3", "0o7", "yes", "5663:12" and "2024-01-01" are quoted.
"""

from __future__ import annotations

from collections.abc import Iterable
from io import StringIO
from typing import Any

from yaml._yaml import CEmitter
from yaml.representer import SafeRepresenter
from yaml.resolver import Resolver as YamlResolver

from bgpctl.yaml_source.scalars import Resolver

# Longer texts are not broken into lines.
WIDTH = 1_000_000


class _BothResolvers(YamlResolver):
    """What either takes for no text, is none."""


for _start, _forms in Resolver.yaml_implicit_resolvers.items():
    for _tag, _form in _forms:
        _BothResolvers.add_implicit_resolver(_tag, _form, [_start])


class _Dumper(CEmitter, SafeRepresenter, _BothResolvers):
    def __init__(self, stream: Any) -> None:
        CEmitter.__init__(self, stream, width=WIDTH, allow_unicode=True)
        SafeRepresenter.__init__(self, default_flow_style=False, sort_keys=False)
        _BothResolvers.__init__(self)

    def ignore_aliases(self, _: Any) -> bool:
        """An object that stands in two places is written twice."""
        return True


def document_text(data: Any) -> str:
    """One document, without a `---`; it ends with a line break. Tuples are written as lists."""
    written = StringIO()
    dumper = _Dumper(written)
    try:
        dumper.open()
        dumper.represent(data)
        dumper.close()
    finally:
        dumper.dispose()
    return written.getvalue()


def documents_text(documents: Iterable[Any]) -> str:
    """Several, each behind a `---` but for the first."""
    return "---\n".join(map(document_text, documents))
