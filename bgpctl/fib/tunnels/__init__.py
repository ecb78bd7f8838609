"""VXLAN and IPIP: which devices and entries are desired."""
