"""The HTTP server of the agent's pages, with TLS."""
