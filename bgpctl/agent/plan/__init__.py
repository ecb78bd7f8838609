"""From resources and the node's own addresses to the plan in force."""
