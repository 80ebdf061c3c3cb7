from auditor.writers.terminal.terminal import WRITER

__all__ = ["WRITER"]
