"""The speaker process: started, adopted, watched and replaced; the connection to its control socket."""
