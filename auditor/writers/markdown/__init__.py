from auditor.writers.markdown.markdown import WRITER

__all__ = ["WRITER"]
