"""From a plan to the plan in place: its files, the speaker that takes it, and the drain of the node."""
