"""Objects on the command line: which are meant, in which datastore, and how they look."""
