"""The HTTP server for health and metrics, with TLS."""
