"""Expectations of a lab, and whether they hold."""
