"""The state directory: what of an agent outlives a reboot, one file a node (NODE.json, sources/kept_plan.py).

Rule: files are found by name, so that they are removed without being read, also those of another version.
"""

from __future__ import annotations

from pathlib import Path

STATE_ROOT = Path("/var/lib/bgpctl")
_SUFFIX = ".json"


def kept_plan_path(directory: Path, node: str) -> Path:
    return directory / f"{node}{_SUFFIX}"


def nodes_kept(directory: Path) -> list[str]:
    """The nodes of which something is there."""
    return sorted(path.name.removesuffix(_SUFFIX) for path in directory.glob(f"[!.]*{_SUFFIX}"))


def files_kept(directory: Path, node: str) -> list[Path]:
    """What agents of the node have left, also one that was killed while it wrote (daemon/private_file.py)."""
    path = kept_plan_path(directory, node)
    return [each for each in (path, path.with_name(f".{path.name}.new")) if each.exists() or each.is_symlink()]
