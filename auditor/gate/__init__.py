"""Suppressions, baseline, pass or fail."""
