"""Route netlink: messages as values and values as messages, and the sockets that they pass through."""
