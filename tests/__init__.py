"""Tests: examples, goldens, properties and doors. None of them needs a network."""
