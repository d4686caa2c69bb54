"""Trainings: validation, their job, instances, curves, TensorBoard."""
