"""Datasets, their batches and formatted sets: rows, rules, jobs and pictures."""
