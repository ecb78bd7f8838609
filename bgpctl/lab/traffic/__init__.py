"""Traffic in a lab: probes, captures, impairments."""
