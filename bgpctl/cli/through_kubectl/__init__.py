"""Nodes of a cluster, asked through the API server: kubectl runs `bgpctl connect` in the pods of their agents."""
