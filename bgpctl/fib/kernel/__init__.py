"""The kernel of this node and what our routes are in it, as the FIB observes it."""
