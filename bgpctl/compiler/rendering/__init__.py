"""A plan as text: for people, and as exabgp.conf."""
