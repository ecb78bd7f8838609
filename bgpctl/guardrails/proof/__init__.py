"""The topology proof: does every prefix that a node originates reach every other node, and what breaks that?

Decided on the session graph of all nodes' plans, by the engines themselves: those of a few nodes that stand for all of
their kind run their own plans, policies and BGPFilters with them. The verdict is complete, not complete or not known.

- Sessions are taken to be Established when both ends' plans agree (`agreement.py`).
- Routers that are no nodes are not known. What could only travel through them is unknown, not complete.

`session_graph.py` the graph; `prefixes.py` which prefixes are followed; `traits.py`, `classes.py` nodes that are alike;
`network.py` their engines; `forwarding.py` where packets go; `tunnels.py` nodes without a BGP speaker;
`completeness.py` all pairs; `failures.py` what remains when routers fail.
"""
