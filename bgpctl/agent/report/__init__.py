"""The agent's status, and the sockets, pages and files where it can be read."""
