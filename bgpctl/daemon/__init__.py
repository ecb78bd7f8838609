"""What every process of ours has that runs for long, the agent and the controller: log, guard of its stages, pauses."""
