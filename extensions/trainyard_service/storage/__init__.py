"""Bound storage: keys, binding, the bucket browser, and uploads in chunks."""
