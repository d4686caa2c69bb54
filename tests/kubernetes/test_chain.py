"""The whole chain of one machine, unchanged, with every job of it on the cluster; and what kills in between leave behind."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from trainyard.home import Home
from trainyard_service.database.engine import Database
from trainyard_service.database.upgrade import upgrade
from trainyard_spawner import relay
from trainyard_spawner.kubernetes.configuration import Configuration
from trainyard_spawner.kubernetes.launcher import KubernetesLauncher
from trainyard_spawner.kubernetes.names import INSTANCE

from tests.kubernetes.conftest import IMAGE, kubectl, launching, until
from tests.service.chain.conftest import Person, build_image
from tests.service.chain.test_chain import make_dataset, make_sets, test_the_whole_chain, train
from tests.service.chain.test_deaths import ended, submit
from tests.service.chain.test_distributed import MEETS, TWO, log_of
from tests.service.chain.test_forgotten import soon
from tests.service.chain.test_forgotten import (
    test_replicas_causes_logs_and_use_are_shown_when_their_launches_are_forgotten as shown_when_forgotten,
)
from tests.service.chain.test_live import test_tensorboard_shows_the_run_to_those_who_may_read_it
from tests.service.conftest import settings_of, start_service

__all__ = [
    "settings_of",
    "soon",
    "start_service",
    "test_tensorboard_shows_the_run_to_those_who_may_read_it",
    "test_the_whole_chain",
]
pytestmark = pytest.mark.cluster
CHAIN_IMAGE = "trainyard-test/chain:1"
RECIPE = f"""FROM {IMAGE}
COPY packages /opt/image/env/lib/python3.11/site-packages
COPY ours /opt/image/env/lib/python3.11/site-packages/trainyard
COPY examples /workspace/examples
"""


@pytest.fixture(scope="module")
def chain_home(claim: tuple[Path, str]) -> Home:
    """A state folder on the claim whose image is there both as an environment and as a container image."""
    home = Home(claim[0] / "chain")
    home.root.mkdir()
    build_image(home, "workspace", "1")
    folder = home.images / "workspace/1"
    context = claim[0] / "context"
    packages = folder / "env/lib/python3.11/site-packages"
    shutil.copytree(packages / "trainyard", context / "ours")
    subprocess.run(["cp", "-al", packages, context / "packages"], check=True)
    shutil.rmtree(context / "packages/trainyard")
    shutil.copytree(folder / "examples", context / "examples")
    (context / "Dockerfile").write_text(RECIPE)
    subprocess.run(["docker", "build", "-q", "-t", CHAIN_IMAGE, context], check=True, capture_output=True)
    shutil.rmtree(context)
    return home


class Entrance:
    """A port of this machine that pods reach, in front of whatever service runs now."""

    def __init__(self) -> None:
        self.port = 0
        self._listener = socket.create_server(("0.0.0.0", 0))
        relay.accept_forever(self._listener, lambda: socket.create_connection(("127.0.0.1", self.port)))
        host = subprocess.run(["hostname", "-I"], capture_output=True, text=True, check=True).stdout.split()[0]
        self.address = f"http://{host}:{self._listener.getsockname()[1]}"


@pytest.fixture
def entrance() -> Entrance:
    return Entrance()


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/service.db"
    database = Database(url)
    upgrade(database)
    database.close()
    return url


@pytest.fixture
def launcher(chain_home: Home, configuration: Configuration, entrance: Entrance) -> Iterator[KubernetesLauncher]:
    claims = tuple(one.model_copy(update={"path": f"{chain_home.root.name}/{one.folder}"}) for one in configuration.claims)
    changed = {"images": {"workspace:1": CHAIN_IMAGE}, "claims": claims, "platform": entrance.address}
    with launching(chain_home, configuration.model_copy(update=changed)) as made:
        yield made


@pytest.fixture
def chain(start_service: Callable[..., Any], chain_home: Home, entrance: Entrance) -> Any:
    """A running service over the cluster."""
    shutil.rmtree(chain_home.volume, ignore_errors=True)
    service = start_service(home=chain_home.root)
    chain_home.address.write_text(service.address)
    entrance.port = service.context.settings.port
    return service


@pytest.fixture
def person(chain: Any) -> Callable[..., Person]:
    return lambda name, *groups, **more: Person(chain, name, *groups, **more)


def test_a_training_on_the_cluster_is_stopped_with_its_last_words(chain: Any, person: Any) -> None:
    group = chain.group("vision")
    alice = person("alice", group)
    sets = make_sets(alice, make_dataset(alice, group))
    made = train(alice, group, sets, "long", parameters={"epochs": 1, "wait": True})
    alice.until(f"/trainings/{made['id']}", lambda one: one["instances"] and one["instances"][0]["epoch"])
    alice.ok("POST", f"/trainings/{made['id']}/stop")
    stopped = alice.until(f"/trainings/{made['id']}", lambda one: one["job"]["state"] == "stopped")
    assert stopped["job"]["ending"]["text"] == "Stopped by alice."
    assert stopped["job"]["ending"]["exit_code"] == 0
    assert "first line" in alice.http.get(f"/jobs/{made['job']['id']}/log").text


def test_two_replicas_of_a_training_meet_on_the_cluster(chain: Any, person: Any) -> None:
    group = chain.group("vision")
    alice = person("alice", group)
    alice.group = group
    made = submit(alice, MEETS, distributed=TWO)
    job = ended(alice, made)["job"]
    assert job["state"] == "finished", (job, log_of(alice, made), log_of(alice, made, "worker1"))
    assert "together 1" in log_of(alice, made)
    assert f"I am worker1 on job-{job['id']}-1-worker1" in log_of(alice, made, "worker1")
    assert {one["state"] for one in alice.ok("GET", f"/jobs/{job['id']}/replicas")} == {"ended"}


def test_an_ended_training_leaves_nothing_on_the_cluster_and_is_shown_as_before(
    soon: None, chain: Any, person: Any, configuration: Configuration
) -> None:
    shown_when_forgotten(soon, chain, person)
    ours = ("-n", configuration.namespace, "-l", f"{INSTANCE}={configuration.name}", "-o", "name")
    until(lambda: not kubectl("get", "jobs,pods,secrets,services", *ours))
    launches = chain.context.home.launches
    assert list(launches.iterdir()) == []
