"""The REST API as Python calls over the records of ``trainyard.records``; the routes are in ``docs/architecture.md``.

    with Client() as client:
        batch = client.format(dataset, NewBatch(formats=["recordio"]))
        for training in client.trainings().items: ...

Every refusal of the service is raised as the ``UserError`` it was there, with its status, code and hint.
"""

from __future__ import annotations

from trainyard.client.accounts import Accounts
from trainyard.client.applying import apply
from trainyard.client.datasets import Datasets
from trainyard.client.graphs import Graphs
from trainyard.client.groups import Groups
from trainyard.client.machine import Machine
from trainyard.client.models import Models
from trainyard.client.monitoring import Monitoring
from trainyard.client.resources import Resources
from trainyard.client.searches import ParameterSets, Searches
from trainyard.client.storage import StorageSpace
from trainyard.client.trainings import Trainings
from trainyard.client.transport import refusal
from trainyard.connection import Connection

__all__ = ["Client", "Connection", "apply", "refusal"]


class Client(
    Accounts, Groups, StorageSpace, Datasets, Graphs, Trainings, Searches, ParameterSets, Monitoring, Models, Machine, Resources
):
    """A signed-in caller; without ``connection`` the one of the environment, the login file or this machine is taken."""
