"""What the agent tells others: its status, and the sockets, pages and files that carry it."""
