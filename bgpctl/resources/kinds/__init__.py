"""One module for each kind of resource: its fields and the rules of the kind."""
