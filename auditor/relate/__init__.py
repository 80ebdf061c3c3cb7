"""Columns that come from other rows: trace, retries, counts, hops, bill, vocabulary."""
