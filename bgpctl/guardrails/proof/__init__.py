"""The topology proof: does every prefix that a node originates reach every other node, and what breaks that?

Signalling completeness is decided on the session graph of all nodes' plans, under the engine's own rules of reflection
and loop detection. What is proved, and what is not:

- Sessions are taken to be Established when both ends' plans agree (`agreement.py`).
- BGPFilters and export policies are not looked at: they decide which prefixes are advertised, the proof which can be.
- Routers that are no nodes are not known. What could only travel through them is unknown, not broken.

`session_graph.py` the graph; `classes.py` nodes that are alike; `propagation.py` one prefix through the graph;
`completeness.py` all of them; `failures.py` what remains when routers fail.
"""
