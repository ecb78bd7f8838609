"""Guardrails about filters, advertised prefixes and tunnels."""
