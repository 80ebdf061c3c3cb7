"""Formats of bills and cost exports."""
