"""All tables, so that importing this package fills the metadata migrations compare with."""

from trainyard_service.database.tables import (
    accounts,
    audit,
    copies,
    datasets,
    disk,
    graphs,
    jobs,
    models,
    resources,
    searches,
    storage,
    trainings,
)

__all__ = [
    "accounts", "audit", "copies", "datasets", "disk", "graphs", "jobs", "models", "resources", "searches", "storage",
    "trainings",
]  # fmt: skip
