"""Clusters are made by the makers of the compiler's tests; what is pasted is in `pasted/`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "compiler"))
