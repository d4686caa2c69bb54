"""What runs inside a sandbox as its first process: standard library only, started by the system's Python."""
