"""What bgpctl-lab has from the project itself: version, licence, Python versions, and the one bgpctl that it fits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.metadata.core import ProjectMetadata
from hatchling.metadata.plugin.interface import MetadataHookInterface
from hatchling.plugin.manager import PluginManager


class FromTheProject(MetadataHookInterface):
    """Called by hatchling with the metadata of the pyproject.toml beside this file."""

    def update(self, metadata: dict[str, Any]) -> None:
        project = ProjectMetadata(str(Path(self.root).parent.parent), PluginManager())
        metadata["version"] = project.version
        metadata["license"] = project.core.license_expression
        metadata["requires-python"] = project.core.requires_python
        metadata["dependencies"] = [f"{project.core.raw_name}=={project.version}"]
