"""What this program was called as: `bgpctl`, or `kubectl bgp`. kubectl finds kubectl-bgp on the PATH; it is the same
program with the same commands, but that a cluster is meant where none is named: that of the kubeconfig's context.
"""

from __future__ import annotations

import sys
from pathlib import Path

PROGRAM, PLUGIN = "bgpctl", "kubectl bgp"
# The plugin, and what kubectl asks for its completions.
_FILES = frozenset({"kubectl-bgp", "kubectl_complete-bgp"})


def is_plugin() -> bool:
    return Path(sys.argv[0]).name in _FILES


def program_name() -> str:
    """As a person types it."""
    return PLUGIN if is_plugin() else PROGRAM
