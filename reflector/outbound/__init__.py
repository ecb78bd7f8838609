"""From a changed Loc-RIB to octets in each peer's outbox: update groups, add-path, slow peers (RFC 4271 9.2)."""
