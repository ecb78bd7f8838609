"""Route netlink: sockets and messages."""
