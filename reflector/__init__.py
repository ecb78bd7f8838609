"""The speaker: ExaBGP's sessions with a routing engine behind them. It imports nothing of bgpctl."""
