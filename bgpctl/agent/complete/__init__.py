"""Resources in, resources out: completed with what only this machine knows, its addresses and its workloads."""
