"""The YAML file of --config: a mapping of option names to values. Every problem has file, line and key.

node: n1
resources: /etc/bgpctl/resources
route-table: 200
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from bgpctl.configuration.read import FileEntry, OptionsFile
from bgpctl.errors import NotReadyError
from bgpctl.yaml_source.document import read_document
from bgpctl.yaml_source.nodes import NotYamlError
from bgpctl.yaml_source.scalars import AS_WRITTEN
from bgpctl.yaml_source.spelling import nearest


def read_options_file(path: Path, known: Collection[str]) -> OptionsFile:
    """`known` are all keys that a file may have, also those that the reader does not use. Raises NotReadyError when
    there is no file to read."""
    try:
        document = read_document(path.read_text(), AS_WRITTEN)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise NotReadyError(f"the options file {path} cannot be read: {reason}") from error
    except NotYamlError as error:
        return OptionsFile(path, problems=(f"{path}:{error.line}: {error}",))
    if document.data is None:
        return OptionsFile(path)
    if not isinstance(document.data, dict):
        return OptionsFile(path, problems=(f"{path}:1: this is not a mapping of option names to values",))
    entries: dict[str, FileEntry] = {}
    problems = [f"{path}:{each.line}: {each.path[-1]}: this key stands twice" for each in document.duplicates]
    for key, value in document.data.items():
        line = document.line_of((key,))
        wrong = _unknown(key, known) or _not_scalar(value)
        if wrong:
            problems.append(f"{path}:{line}: {key}: {wrong}")
        elif value is not None:
            entries[key] = FileEntry(value, line)
    return OptionsFile(path, entries, tuple(problems))


def _unknown(key: str, known: Collection[str]) -> str:
    if key in known:
        return ""
    close = nearest(key, known)
    return "there is no such option" + (f"; did you mean {close}?" if close else "")


def _not_scalar(value: Any) -> str:
    return "a single value is expected here" if isinstance(value, dict | tuple) else ""
