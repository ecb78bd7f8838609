"""Calico v3 resources as typed values: parsed, defaulted, validated.

`parse_documents` turns texts into a ResourceSet and every problem found; nothing here does I/O.
"""

from bgpctl.resources.reading.parse import Loaded, parse_documents
from bgpctl.resources.resource_set import ResourceSet
from bgpctl.yaml_source.problem import Problem, Severity

__all__ = ["Loaded", "Problem", "ResourceSet", "Severity", "parse_documents"]
