"""The kernel's routes as the speaker sees them: observation and next-hop resolution."""
