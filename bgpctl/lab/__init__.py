"""Runs containerlab topology files in network namespaces: no containers, nothing in the namespace of the host."""
