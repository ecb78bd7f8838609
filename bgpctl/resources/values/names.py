"""Names of resources that mean something: which BGPConfiguration is the cluster's, and which are a node's."""

from __future__ import annotations

GLOBAL_NAME = "default"
NODE_NAME_PREFIX = "node."
