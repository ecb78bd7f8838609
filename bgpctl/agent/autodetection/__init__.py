"""Which addresses this machine has as a router, where its Node resource has none.

`settings` are the operator's, `method` is how an address is chosen, `host` what it is chosen from. All of
that is pure, and so are `choice`, which chooses, and `overlay`, which puts the outcome into the resources. `observer`
is the edge to the kernel, `detector` keeps what was found.
"""
