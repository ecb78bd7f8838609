"""The speaker as a Linux process: user, capabilities, garbage collector."""
