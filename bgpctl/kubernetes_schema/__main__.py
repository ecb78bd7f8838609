"""Writes config/crd, or below the directory that is named: python -m bgpctl.kubernetes_schema [DIRECTORY]"""

from __future__ import annotations

import sys
from pathlib import Path

from bgpctl.kubernetes_schema.manifests import manifests

directory = Path(sys.argv[1] if len(sys.argv) > 1 else "config/crd")
for name, text in manifests().items():
    file = directory / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
