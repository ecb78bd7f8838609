"""Guardrails about the design: mesh, reflectors, parts of the cluster without a session to the rest."""
