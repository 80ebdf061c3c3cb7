"""The answer: its schema, reading it back, its sentences and its reading order."""
