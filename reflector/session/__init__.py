"""One session: what both ends agreed on, who sends, how it ended; values that routes, policies and sockets share."""
