"""The session layer: ExaBGP connects, negotiates and retries; at Established it hands us the socket."""
