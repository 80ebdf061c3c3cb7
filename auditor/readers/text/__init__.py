"""Formats that no product owns: JSON, key=value lines, tables, prose."""
