"""Workspaces: what may be chosen, what a start is granted, and how long it lasts."""
