"""What of the resources is used while some of them are invalid."""
