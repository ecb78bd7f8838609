"""Which Node this machine is: what the operator says, else NODENAME, else its host name in lower case (as Calico)."""

from __future__ import annotations

from collections.abc import Mapping

VARIABLE = "NODENAME"


def node_name(option: str, environment: Mapping[str, str], host_name: str) -> str:
    """The first of the three that says something. Names of Kubernetes nodes are lower case; host names need not be."""
    return option or environment.get(VARIABLE, "").strip() or host_name.strip().lower()
