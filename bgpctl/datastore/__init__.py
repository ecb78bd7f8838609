"""Where resources come from. Every source yields the same: a Loaded, and a new one after every change."""

from bgpctl.datastore.directory import read_directory
from bgpctl.datastore.watch import watch_directory

__all__ = ["read_directory", "watch_directory"]
