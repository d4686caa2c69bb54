"""The platform on one machine: what ``make run`` starts, watches and stops, one concern a file."""
