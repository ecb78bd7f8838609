"""The containerlab file: read, checked, drawn."""
