"""Bytes to values: JSON, lines, tables, HTTP messages, YAML, printed objects, times."""
