"""Models: snapshots that trainings registered, and files people uploaded."""
