"""VXLAN and IPIP: devices, forwarding entries, neighbours."""
