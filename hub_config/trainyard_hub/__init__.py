"""What jupyterhub_config.py calls: accounts, roles, services, templates, and the stack on one machine."""
