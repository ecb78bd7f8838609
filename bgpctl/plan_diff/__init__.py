"""What applying a plan changes: which sessions are reset and which only updated, which routes come and go, and why.

Pure. `effects.py` is the table of what a change of each field does; docs/applying-changes.md is written from it.
"""

from bgpctl.plan_diff.cluster import ClusterComparison, ClusterDifference, diff_clusters, diff_node, plan_pairs
from bgpctl.plan_diff.difference import PlanDifference
from bgpctl.plan_diff.plan import diff_plans

__all__ = [
    "ClusterComparison",
    "ClusterDifference",
    "PlanDifference",
    "diff_clusters",
    "diff_node",
    "diff_plans",
    "plan_pairs",
]
