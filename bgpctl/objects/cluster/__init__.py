"""Objects in the API server of a cluster: read, applied by the server itself, followed."""
