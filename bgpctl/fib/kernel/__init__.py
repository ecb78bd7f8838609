"""What the kernel has, as the FIB observes it."""
