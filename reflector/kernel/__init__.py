"""The kernel: observed, asked for next hops, and written to. Speaker and FIB see the same one."""
