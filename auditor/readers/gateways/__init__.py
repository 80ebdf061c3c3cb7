"""Formats of LLM gateways and of proxies."""
