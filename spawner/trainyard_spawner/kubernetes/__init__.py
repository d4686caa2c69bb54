"""Launches on a Kubernetes cluster: its objects by pure functions, one watch for the truth, our own supervisor in the pod."""
