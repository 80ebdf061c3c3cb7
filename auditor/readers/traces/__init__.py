"""Formats of other tracing systems."""
