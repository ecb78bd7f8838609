"""The daemon on every node: watches resources, compiles, runs the speaker, programs the kernel, reports.

The only composition root: every other package is handed what it needs, this one knows them all.
"""

from bgpctl.agent.options import DEFAULT_METRICS_ADDRESS, RUN_ROOT, AgentOptions, LogFormat, MetricsAddress

__all__ = ["DEFAULT_METRICS_ADDRESS", "RUN_ROOT", "AgentOptions", "LogFormat", "MetricsAddress"]
