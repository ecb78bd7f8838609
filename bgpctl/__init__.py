"""The control plane: Calico resources in, node plans, kernel routes and reports out."""
