"""The evidence table: one row a record, resolved fields as columns."""
