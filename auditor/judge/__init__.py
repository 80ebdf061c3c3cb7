"""Verdicts: which calls each rule reports."""
