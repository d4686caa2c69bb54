"""Kept models: snapshots of trainings, and files people uploaded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trainyard.client.transport import Transport, segment
from trainyard.records.base import Page
from trainyard.records.trainings import Model, NewModel


class Models(Transport):
    """``/models``."""

    def models(self, **query: Any) -> Page[Model]:
        """Models the caller may see; ``kind``, ``training``, ``search``, ``offset``, ``limit``."""
        return self.one(Page[Model], "GET", "models", params=query)

    def model(self, model: str) -> Model:
        """One model."""
        return self.one(Model, "GET", f"models/{segment(model)}")

    def create_model(self, new: NewModel) -> Model:
        """Keep a complete upload as a model."""
        return self.one(Model, "POST", "models", json=new)

    def download_model(self, model: str, target: Path) -> Iterator[int]:
        """Write a model to ``target``, by rename at the end; gives the bytes written so far, for a progress bar."""
        return self.download(f"models/{segment(model)}/file", target)

    def delete_model(self, model: str) -> None:
        """Delete a model."""
        self.send("DELETE", f"models/{segment(model)}")
