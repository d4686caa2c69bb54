"""Everything heavy is a job: its specification, its states, and the contract of what starts it."""
