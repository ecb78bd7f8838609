"""Between the plan that is wanted and the plan in force: what would isolate the node is held (bgpctl/brake)."""
