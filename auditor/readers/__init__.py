"""Values to records: one file a format, in families."""
