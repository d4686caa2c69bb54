"""Where everything lies below ``TRAINYARD_HOME``, the one folder that holds a machine's state."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_data_path


@dataclass(frozen=True)
class Home:
    """The state folder; every path of the platform on one machine is named here and nowhere else."""

    root: Path

    @classmethod
    def from_environment(cls) -> Home:
        """``TRAINYARD_HOME``, or ``trainyard`` in the user's data directory."""
        named = os.environ.get("TRAINYARD_HOME")
        return cls(Path(named).resolve() if named else user_data_path("trainyard"))

    @property
    def description(self) -> Path:
        """Who made this folder, with which version; written once."""
        return self.root / "home.json"

    @property
    def secrets(self) -> Path:
        """Keys and tokens, mode 0700, files 0600."""
        return self.root / "secrets"

    @property
    def administrator_token(self) -> Path:
        """The first administrator's access token, mode 0600; ``trainyard demo`` and local administration use it."""
        return self.secrets / "administrator-token"

    @property
    def address(self) -> Path:
        """A text file with the running platform's public address."""
        return self.root / "address"

    @property
    def logs(self) -> Path:
        """One log file per process of the stack."""
        return self.root / "logs"

    @property
    def service(self) -> Path:
        """The service's database."""
        return self.root / "service"

    @property
    def hub(self) -> Path:
        """The Hub's database and working folder."""
        return self.root / "hub"

    @property
    def proxy(self) -> Path:
        """The proxy's configuration."""
        return self.root / "proxy"

    @property
    def store(self) -> Path:
        """The embedded object store's data."""
        return self.root / "store"

    @property
    def images(self) -> Path:
        """Environments of images: ``<name>/<version>/{env/,image.json}``; image.json is written last."""
        return self.root / "images"

    @property
    def launches(self) -> Path:
        """One folder per started process tree: ``<key>/{spec.json,status.json,output.log,console.sock}``."""
        return self.root / "launches"

    def kept(self, key: str) -> Path:
        """What stays of a job's or workspace's launch when its folder is gone: ``usage.jsonl``, ``output.times``, and a job's
        ``output.log`` where its output goes nowhere else.
        """
        return self.root / "kept" / key

    @property
    def volume(self) -> Path:
        """The platform volume: group shares, homes, datasets, formatted sets, runs, models."""
        return self.root / "volume"

    def group_share(self, group_id: int) -> Path:
        """Mounted at ``/workspace/mnt/group/<group>``; one folder per member inside."""
        return self.volume / "groups" / str(group_id)

    def user_home(self, user_id: int) -> Path:
        """A person's private home, ``/workspace/home`` inside their workspace."""
        return self.volume / "homes" / str(user_id)

    def dataset(self, dataset_id: str) -> Path:
        """``index.jsonl``, ``statistics.json``, ``pictures/``, ``manifest.json`` of one dataset."""
        return self.volume / "datasets" / dataset_id

    def batch(self, batch_id: str) -> Path:
        """One formatted batch: ``<format>-<split>/`` folders and the batch's ``manifest.json``, written last."""
        return self.volume / "formatted" / batch_id

    def run(self, training_id: str) -> Path:
        """A training's run folder, ``/workspace/run`` inside the job: ``<instance>/{output,logs}``."""
        return self.volume / "runs" / training_id

    def model(self, model_id: str) -> Path:
        """One model: its packed file and ``manifest.json``."""
        return self.volume / "models" / model_id

    def upload(self, upload_id: str) -> Path:
        """One upload while it is under way."""
        return self.volume / "uploads" / upload_id
