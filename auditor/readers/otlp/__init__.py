"""Formats of OpenTelemetry itself."""
