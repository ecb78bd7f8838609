"""Several kubeconfigs as one, as KUBECONFIG names them: FILE:FILE:...

As with kubectl the first file that has a value has it, for the current context and for each context, cluster and user
by its name; a file that is not there is passed over. Files that a cluster or a user names lie beside their own file.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

CURRENT = "current-context"
# The lists of a kubeconfig, with what each entry is called in it, and its fields that are names of files.
_LISTS = {
    "contexts": ("context", ()),
    "clusters": ("cluster", ("certificate-authority",)),
    "users": ("user", ("client-certificate", "client-key", "tokenFile")),
}


def files_in(text: str) -> list[Path]:
    return [Path(each).expanduser() for each in text.split(os.pathsep) if each]


def merged_kubeconfig(files: Iterable[Path]) -> dict[str, Any]:
    """Raises OSError, yaml.YAMLError, and TypeError or AttributeError for what is no kubeconfig."""
    merged: dict[str, Any] = {name: [] for name in _LISTS}
    seen: set[tuple[str, str]] = set()
    for file in files:
        if not file.is_file():
            continue
        data = yaml.safe_load(file.read_text()) or {}
        if CURRENT not in merged and data.get(CURRENT):
            merged[CURRENT] = data[CURRENT]
        for name, (entry, paths) in _LISTS.items():
            for each in data.get(name) or ():
                if (name, each["name"]) not in seen:
                    seen.add((name, each["name"]))
                    merged[name].append({**each, entry: _absolute(each.get(entry) or {}, paths, file.parent)})
    return merged


def _absolute(fields: dict[str, Any], paths: Iterable[str], directory: Path) -> dict[str, Any]:
    return {**fields, **{path: str(directory / fields[path]) for path in paths if fields.get(path)}}
