"""Resources of a cluster out of its API server: the same values as the directory yields. Nothing is ever written."""

from bgpctl.datastore.kubernetes.wants import ClusterOptions
from bgpctl.datastore.kubernetes.watch import read_cluster, watch_cluster

__all__ = ["ClusterOptions", "read_cluster", "watch_cluster"]
