"""What a ResourceSet says about the cluster as a whole, looked up by all nodes' plans."""
