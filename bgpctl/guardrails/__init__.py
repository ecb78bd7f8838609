"""Guardrails: what is valid, and still wrong or risky. Pure; one file for each question.

`check_cluster` asks them all of a whole cluster; `proof/` decides whether every prefix reaches every node.
"""
