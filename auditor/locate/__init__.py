"""From an example record to line, column, pointer and masked excerpt; the mark is at the key that matters."""
