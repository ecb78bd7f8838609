"""Counters and gauges: their table, their rows, and the pages that Prometheus reads."""
