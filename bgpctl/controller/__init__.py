"""The controller of a Kubernetes cluster: compiles every node's plan in one place, and writes those that differ."""
