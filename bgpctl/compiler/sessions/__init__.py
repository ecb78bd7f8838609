"""From BGPPeers and the mesh to the sessions of one node."""
