"""Calico v3 resources as typed values: parsed, defaulted, validated.

`parse_documents` turns texts into a ResourceSet and every problem found; nothing here does I/O.
"""
