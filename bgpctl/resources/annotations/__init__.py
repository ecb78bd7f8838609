"""The annotations `bgpctl.io/...`: one table, and what is read from it."""
