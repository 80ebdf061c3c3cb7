"""The service: one page, a JSON API and the reference pages over the same audit.

It never audits in its own process and never keeps what it was given or what it answered.
"""
