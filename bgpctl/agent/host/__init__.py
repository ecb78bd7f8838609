"""The agent as a Linux process: run directory, privileges, logs."""
