"""Objects in a directory of files: read, and edited where they stand."""
