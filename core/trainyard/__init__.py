"""Trainyard's domain: datasets, formats, jobs, metrics, training, models, the REST client and the command line.

A training script or a notebook imports this package and nothing else of Trainyard. It knows no Jupyter, HTTP server,
database or Kubernetes.
"""

__version__ = "0.1.0"
