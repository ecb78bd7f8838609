"""Several paths of a prefix between us and every neighbour that has agreed to them (RFC 7911), in every role.

`left` and `right` announce the same prefix on both sides: as clients of ours, and as eBGP peers of each daemon, so that
in any role there are two paths to tell.
"""
