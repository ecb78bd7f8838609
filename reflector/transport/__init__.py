"""Established sessions: each one's socket, and what becomes of it. Nothing here knows ExaBGP."""
