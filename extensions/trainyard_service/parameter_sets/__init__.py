"""Hyper-parameters that are kept under a name."""
