"""CalicoNodeStatus: what is asked, what is answered, and where it is written."""
