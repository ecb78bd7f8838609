"""What bgpctl-lab has from the project itself: version, licence, Python versions, and the one bgpctl that it fits."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface


class FromTheProject(MetadataHookInterface):
    """Called by hatchling with the metadata of the pyproject.toml beside this file."""

    def update(self, metadata: dict[str, Any]) -> None:
        project = tomllib.loads((Path(self.root).parent.parent / "pyproject.toml").read_text())["project"]
        for name in ("version", "license", "requires-python"):
            metadata[name] = project[name]
        metadata["dependencies"] = [f"{project['name']}=={project['version']}"]
