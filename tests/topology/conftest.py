"""The topology is drawn of the same small resources as the compiler has: its makers serve here as well."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "compiler"))
