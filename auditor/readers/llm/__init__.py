"""Formats of tools that trace LLM applications."""
