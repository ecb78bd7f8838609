"""Import and export policies: of BGPFilters, and of what a node advertises by itself."""
