"""Which addresses this machine has as a router, where its Node resource says none.

`settings` says what an operator asked for, `method` how an address is chosen, `host` what it is chosen from. All of
that is pure, and so are `choice`, which chooses, and `overlay`, which puts the outcome into the resources. `observer`
is the edge to the kernel, `detector` keeps what was found.
"""
