"""The HTTP server of the pages of a process, with TLS."""
