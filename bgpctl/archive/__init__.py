"""Resources kept as a whole: objects in files by kind, and such files in one archive with the digest of each."""
