"""Where the FIB touches the world: the kernel, the clock, the log."""
