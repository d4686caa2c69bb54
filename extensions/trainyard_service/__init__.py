"""The platform service: REST API, database, ledger of resources, job queue and reconciler."""
