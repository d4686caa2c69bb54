"""Targets for a fuzzer that is guided by coverage."""
