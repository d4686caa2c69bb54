"""Everything that starts a process for a person: workspaces and jobs, in the local sandbox or on Kubernetes."""
