"""Guardrails about single sessions: do both ends fit, and does every option have an effect?"""
