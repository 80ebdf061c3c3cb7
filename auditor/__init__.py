"""Attribution Gap Auditor: which model calls can be charged back, and what is missing on the others.

Importing the package loads nothing heavy: commands and the service import what they need.
"""

__version__ = "0.1.0"
