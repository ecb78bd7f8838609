"""What is wrong, or odd, with one field of one resource, before it is known in which file that stands."""

from __future__ import annotations

from dataclasses import dataclass

from bgpctl.yaml_source.path import Path


@dataclass(frozen=True, slots=True)
class FieldFinding:
    """`path` as in the model's YAML names."""

    code: str
    path: Path
    message: str
