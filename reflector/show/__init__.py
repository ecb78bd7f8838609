"""Answers about the engine's state, made in parts so that a table of any size holds no turn up; changes nothing."""
