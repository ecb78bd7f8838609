"""Clusters are made with the compiler's makers."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "compiler"))
