"""Clusters are made with the compiler's makers, nodes under the brake with the brake's."""

import sys
from pathlib import Path

sys.path += [str(Path(__file__).parents[1] / room) for room in ("compiler", "brake")]
