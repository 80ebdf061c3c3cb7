"""The service: the page, a JSON API and the reference pages over the same audit."""
