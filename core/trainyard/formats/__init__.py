"""Formatted sets: labelled pictures written in containers that training frameworks read with their own readers."""
