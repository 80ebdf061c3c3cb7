"""Attribution Gap Auditor: which model calls can be charged back, and what is missing on the others.

Importing the package loads nothing heavy: commands and the service import what they need.
"""

import os

# Polars' allocator keeps freed memory for as long as the process lives, unless it is told otherwise before
# it is loaded: the audit of a large log would hold twice what it needs.
os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:500,muzzy_decay_ms:0")

__version__ = "0.1.0"
