"""The platform on a Kubernetes cluster: every object is built by a pure function from one typed configuration."""
