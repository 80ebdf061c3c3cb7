from auditor.writers.sarif.sarif import WRITER

__all__ = ["WRITER"]
