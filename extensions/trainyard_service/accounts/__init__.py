"""People and groups: applications, sign-in, approval, blocking, memberships, quotas, notices."""
