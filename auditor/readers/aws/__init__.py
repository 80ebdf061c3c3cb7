"""Formats of AWS, but for the bill."""
