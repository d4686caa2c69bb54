"""The REST API as Python calls over the records of ``trainyard.records``; the routes are in ``docs/architecture.md``.

    with Client() as client:
        for training in client.trainings().items: ...

Every refusal of the service is raised as the ``UserError`` it was there, with its status, code and hint.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel

from trainyard.address import api_address
from trainyard.connection import Connection, find
from trainyard.errors import Unavailable, UserError
from trainyard.records.accounts import Me
from trainyard.records.base import Page
from trainyard.records.datasets import Dataset, DatasetDetail
from trainyard.records.jobs import Image, Package
from trainyard.records.trainings import Curves, Model, NewTraining, Training
from trainyard.words import N_

if TYPE_CHECKING:
    from typing import Self

T = TypeVar("T", bound=BaseModel)
_TIMEOUT = httpx.Timeout(30.0, connect=5.0)


class Client:
    """A signed-in caller; without ``connection`` the one of the environment, the login file or this machine is taken."""

    def __init__(self, connection: Connection | None = None, language: str = "en") -> None:
        self.connection = connection or find()
        headers = {"Authorization": f"Bearer {self.connection.token}", "Accept-Language": language}
        base = api_address(self.connection.url) + "/"
        self._http = httpx.Client(base_url=base, headers=headers, timeout=_TIMEOUT, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._http.close()

    def me(self) -> Me:
        """Who is calling."""
        return self._one(Me, "GET", "me")

    def datasets(self, **query: Any) -> Page[Dataset]:
        """Datasets the caller may see; ``visibility``, ``search``, ``offset``, ``limit``."""
        return self._one(Page[Dataset], "GET", "datasets", params=query)

    def dataset(self, dataset: str) -> DatasetDetail:
        """One dataset with its batches."""
        return self._one(DatasetDetail, "GET", f"datasets/{quote(dataset, safe='')}")

    def images(self) -> list[Image]:
        """The catalogue."""
        return self._many(Image, "images")

    def packages(self, group: str) -> list[Package]:
        """Resource packages as ``group`` may use them."""
        return self._many(Package, "packages", params={"group": group})

    def submit(self, training: NewTraining) -> Training:
        """Submit a training."""
        return self._one(Training, "POST", "trainings", json=training.model_dump(mode="json"))

    def trainings(self, **query: Any) -> Page[Training]:
        """The caller's trainings; ``state``, ``search``, ``offset``, ``limit``."""
        return self._one(Page[Training], "GET", "trainings", params=query)

    def training(self, training: str) -> Training:
        """One training."""
        return self._one(Training, "GET", f"trainings/{quote(training, safe='')}")

    def stop_training(self, training: str) -> Training:
        """Ask it to end."""
        return self._one(Training, "POST", f"trainings/{quote(training, safe='')}/stop")

    def start_training(self, training: str) -> Training:
        """Start it again with the same configuration."""
        return self._one(Training, "POST", f"trainings/{quote(training, safe='')}/start")

    def delete_training(self, training: str) -> None:
        """Delete an ended training."""
        self._send("DELETE", f"trainings/{quote(training, safe='')}")

    def curves(self, instance: str, points: int = 500) -> Curves:
        """The scalars of an instance, at most about ``points`` of each."""
        return self._one(Curves, "GET", f"instances/{quote(instance, safe='')}/curves", params={"points": points})

    def log(self, job: str, offset: int = 0, limit: int = 1 << 20) -> tuple[bytes, int]:
        """At most ``limit`` bytes of a job's output from ``offset`` on, and how many there are by now."""
        query = {"offset": offset, "limit": limit}
        answer = self._send("GET", f"jobs/{quote(job, safe='')}/log", params=query)
        return answer.content, int(answer.headers.get("Log-Size", len(answer.content)))

    def models(self, **query: Any) -> Page[Model]:
        """Models the caller may see; ``kind``, ``search``, ``offset``, ``limit``."""
        return self._one(Page[Model], "GET", "models", params=query)

    def model(self, model: str) -> Model:
        """One model."""
        return self._one(Model, "GET", f"models/{quote(model, safe='')}")

    def download_model(self, model: str, target: Path) -> Iterator[int]:
        """Write a model to ``target``, by rename at the end; gives the bytes written so far, for a progress bar."""
        part = target.with_name(f".{target.name}.part")
        try:
            with self._http.stream("GET", f"models/{quote(model, safe='')}/file") as answer, part.open("wb") as file:
                if answer.is_error:
                    answer.read()
                    raise _refusal(answer)
                for block in answer.iter_bytes(1 << 20):
                    file.write(block)
                    yield file.tell()
            part.replace(target)
        except httpx.TransportError as error:
            raise self._away(error) from error
        finally:
            part.unlink(missing_ok=True)

    def _one(self, record: type[T], method: str, path: str, **request: Any) -> T:
        return record.model_validate_json(self._send(method, path, **request).content)

    def _many(self, record: type[T], path: str, **request: Any) -> list[T]:
        return [record.model_validate(item) for item in self._send("GET", path, **request).json()]

    def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        try:
            answer = self._http.request(method, path, **request)
        except httpx.TransportError as error:
            raise self._away(error) from error
        if answer.is_error:
            raise _refusal(answer)
        return answer

    def _away(self, error: Exception) -> Unavailable:
        return Unavailable(
            "not-reachable",
            N_("The platform at {url} does not answer: {reason}."),
            hint=N_("Check the address, and whether it is running (`make run`)."),
            url=self.connection.url,
            reason=str(error) or type(error).__name__,
        )


def _refusal(answer: httpx.Response) -> UserError:
    """The error the service answered with; its words are in the caller's language already."""
    try:
        told = answer.json()["error"]
        words = {name: str(told.get(name) or "") for name in ("message", "hint")}
        code, field = str(told["code"]), told.get("field")
    except (ValueError, KeyError, TypeError):
        words = {"message": f"The platform answered with HTTP {answer.status_code}.", "hint": ""}
        code, field = f"http-{answer.status_code}", None
    error = UserError(code, words["message"], hint=words["hint"], field=field)
    error.status = answer.status_code  # type: ignore[misc]
    return error
