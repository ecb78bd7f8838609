"""What a node's BIRD has beside what our speaker would have there: for a cluster that runs Calico today.

`show_route.py` and `node_status.py` read what people paste, out of the lines of `pasted.py`; `expected.py` works out
what the resources make of the node; `routes.py` and `sessions.py` compare; `text.py` is for people and programs.
"""
