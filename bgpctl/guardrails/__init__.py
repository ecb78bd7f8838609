"""Guardrails: what is valid, and still wrong or risky. Pure; one file for each question.

`check_cluster` asks them all of a whole cluster; `proof/` decides whether every prefix reaches every node. What one
resource or two can show by themselves is reported by `bgpctl.resources`, and not repeated here; `docs/problems` lists
every code with the place that decides it.
"""

from bgpctl.guardrails.check import check_cluster, examine, nothing_read

__all__ = ["check_cluster", "examine", "nothing_read"]
