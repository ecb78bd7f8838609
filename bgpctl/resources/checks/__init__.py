"""Rules that need more than one resource."""
