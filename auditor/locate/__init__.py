"""From an example record to line, column, pointer and masked excerpt."""
