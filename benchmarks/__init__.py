"""What is measured against whom; ``python -m benchmarks.run`` runs all and writes ``benchmarks/results.json``."""
