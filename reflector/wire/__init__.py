"""BGP-4 on the wire: bytes to values and back. Pure; no state beyond interning."""
