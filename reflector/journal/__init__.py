"""The engine's events on disk: recording, checkpoints, and the same state made from them (docs/control-socket.md)."""
