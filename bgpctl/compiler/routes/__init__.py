"""What a node originates and what its kernel is to have."""
