"""Writes config/crd/calico, or the directory that is named: python -m bgpctl.kubernetes_schema [DIRECTORY]"""

from __future__ import annotations

import sys
from pathlib import Path

from bgpctl.kubernetes_schema.manifests import manifests

directory = Path(sys.argv[1] if len(sys.argv) > 1 else "config/crd/calico")
directory.mkdir(parents=True, exist_ok=True)
for name, text in manifests().items():
    (directory / name).write_text(text)
