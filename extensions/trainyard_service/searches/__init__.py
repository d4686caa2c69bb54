"""Searches for hyper-parameters: rows are the truth, Optuna chooses, trials are ordinary trainings."""
