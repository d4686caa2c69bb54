"""Labelled picture lists: reading, checking, counting, and finding the bytes of a picture."""
