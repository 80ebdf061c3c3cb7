"""The service: one page, a JSON API and the reference pages over the same audit.

It never audits by itself and never keeps what it was given: worker processes run `auditor.run`, answers are not stored.
"""
