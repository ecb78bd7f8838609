"""Calico v3 resources as typed values: parsed, defaulted, validated.

`parse_documents` turns texts into a ResourceSet and every problem found; nothing here does I/O.
"""

from bgpctl.resources.reading.parse import Loaded, parse_documents
from bgpctl.resources.resource_set import ResourceSet

__all__ = ["Loaded", "ResourceSet", "parse_documents"]
