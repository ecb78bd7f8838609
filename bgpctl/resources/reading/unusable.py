"""What was given and cannot be used: the resource that it was meant to be, as far as that is known.

Rule: a name counts only where it is one. A document that is not YAML, has another kind or no valid name may be any of
the resources that its file had.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bgpctl.resources.values.model import Key, Resource

UNKNOWN = ""


@dataclass(frozen=True, slots=True)
class Unusable:
    """kind, key       of the resource; UNKNOWN and None where that is not known
    file, line      where it stands; line 0: the whole file, or a directory with all that is in it
    stand_in        what may take its place where no version of it is known
    is_duplicate    it is right by itself, and stands somewhere else as well
    """

    kind: str
    key: Key | None
    line: int
    file: str = ""
    stand_in: Resource | None = None
    is_duplicate: bool = False
