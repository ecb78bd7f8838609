"""Routes that stay while the cluster's other nodes are away: for how long, and what is withdrawn early."""
