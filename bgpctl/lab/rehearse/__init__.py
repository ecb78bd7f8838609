"""Failures of a lab, one after the other, with what each cost."""
