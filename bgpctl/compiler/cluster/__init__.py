"""Facts about the cluster as a whole, out of its ResourceSet, for the plans of all nodes."""
