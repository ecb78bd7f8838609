"""The benchmark lives beside the packages, not in them: the project's root is put on the path for its tests."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))


@pytest.fixture
def needs_bench() -> None:
    """Network namespaces, and a compiler for the load."""
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    if shutil.which("cc") is None:
        pytest.skip("no C compiler (Debian packages gcc, libc6-dev)")
