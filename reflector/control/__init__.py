"""The control socket: server, client, answers, and the Loc-RIB stream to the agent."""
