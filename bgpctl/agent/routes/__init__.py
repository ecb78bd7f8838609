"""From the speaker's Loc-RIB to the kernel through the FIB, and what is reported of it."""
