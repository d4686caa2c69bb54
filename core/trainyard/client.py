"""The REST API as Python calls over the records of ``trainyard.records``; the routes are in ``docs/architecture.md``.

    with Client() as client:
        for training in client.trainings().items: ...

Every refusal of the service is raised as the ``UserError`` it was there, with its status, code and hint.
"""

from __future__ import annotations

import hashlib
import json
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
from trainyard.records.storage import NewUpload, Upload, UploadPurpose
from trainyard.records.trainings import Curves, Model, NewTraining, Training
from trainyard.words import N_

if TYPE_CHECKING:
    from typing import Self

T = TypeVar("T", bound=BaseModel)
_CHUNK = 8 << 20
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
        return self.one(Me, "GET", "me")

    def datasets(self, **query: Any) -> Page[Dataset]:
        """Datasets the caller may see; ``visibility``, ``search``, ``offset``, ``limit``."""
        return self.one(Page[Dataset], "GET", "datasets", params=query)

    def dataset(self, dataset: str) -> DatasetDetail:
        """One dataset with its batches."""
        return self.one(DatasetDetail, "GET", f"datasets/{quote(dataset, safe='')}")

    def images(self) -> list[Image]:
        """The catalogue."""
        return self.many(Image, "images")

    def packages(self, group: str) -> list[Package]:
        """Resource packages as ``group`` may use them."""
        return self.many(Package, "packages", params={"group": group})

    def submit(self, training: NewTraining) -> Training:
        """Submit a training."""
        return self.one(Training, "POST", "trainings", json=training.model_dump(mode="json"))

    def trainings(self, **query: Any) -> Page[Training]:
        """The caller's trainings; ``state``, ``search``, ``offset``, ``limit``."""
        return self.one(Page[Training], "GET", "trainings", params=query)

    def training(self, training: str) -> Training:
        """One training."""
        return self.one(Training, "GET", f"trainings/{quote(training, safe='')}")

    def stop_training(self, training: str) -> Training:
        """Ask it to end."""
        return self.one(Training, "POST", f"trainings/{quote(training, safe='')}/stop")

    def start_training(self, training: str) -> Training:
        """Start it again with the same configuration."""
        return self.one(Training, "POST", f"trainings/{quote(training, safe='')}/start")

    def delete_training(self, training: str) -> None:
        """Delete an ended training."""
        self.send("DELETE", f"trainings/{quote(training, safe='')}")

    def curves(self, instance: str, points: int = 500) -> Curves:
        """The scalars of an instance, at most about ``points`` of each."""
        return self.one(Curves, "GET", f"instances/{quote(instance, safe='')}/curves", params={"points": points})

    def log(self, job: str, offset: int = 0, limit: int = 1 << 20) -> tuple[bytes, int]:
        """At most ``limit`` bytes of a job's output from ``offset`` on, and how many there are by now."""
        query = {"offset": offset, "limit": limit}
        answer = self.send("GET", f"jobs/{quote(job, safe='')}/log", params=query)
        return answer.content, int(answer.headers.get("Log-Size", len(answer.content)))

    def models(self, **query: Any) -> Page[Model]:
        """Models the caller may see; ``kind``, ``search``, ``offset``, ``limit``."""
        return self.one(Page[Model], "GET", "models", params=query)

    def model(self, model: str) -> Model:
        """One model."""
        return self.one(Model, "GET", f"models/{quote(model, safe='')}")

    def download_model(self, model: str, target: Path) -> Iterator[int]:
        """Write a model to ``target``, by rename at the end; gives the bytes written so far, for a progress bar."""
        return self.download(f"models/{quote(model, safe='')}/file", target)

    def download(self, path: str, target: Path, **query: Any) -> Iterator[int]:
        """Write what ``path`` answers to ``target``, by rename at the end; gives the bytes written so far."""
        part = target.with_name(f".{target.name}.part")
        try:
            with self._http.stream("GET", path, params=query) as answer, part.open("wb") as file:
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

    def upload(self, source: Path, purpose: UploadPurpose, name: str = "") -> Iterator[Upload]:
        """Send a file in chunks, each with its checksum; gives the upload after every chunk, complete at last."""
        new = NewUpload(name=name or source.name, size=source.stat().st_size, purpose=purpose)
        upload = self.one(Upload, "POST", "uploads", json=new.model_dump(mode="json"))
        yield upload
        with source.open("rb") as file:
            while not upload.complete and (chunk := file.read(_CHUNK)):
                digest = hashlib.sha256(chunk).hexdigest()
                headers = {"Upload-Offset": str(upload.offset), "Upload-Checksum": f"sha256 {digest}"}
                upload = self.one(Upload, "PATCH", f"uploads/{upload.id}", content=chunk, headers=headers)
                yield upload

    def one(self, record: type[T], method: str, path: str, **request: Any) -> T:
        """Any route that answers one record; ``request`` is what httpx takes (``json``, ``params``, ``content``)."""
        return record.model_validate_json(self.send(method, path, **request).content)

    def many(self, record: type[T], path: str, **request: Any) -> list[T]:
        """Any route that answers a plain list of records."""
        return [record.model_validate(item) for item in self.send("GET", path, **request).json()]

    def send(self, method: str, path: str, **request: Any) -> httpx.Response:
        """Any route; ``path`` is relative to the API.

        Raises:
            UserError: what the service refused with. Unavailable: it does not answer.
        """
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
    return refusal(answer.text, answer.status_code)


def refusal(body: str, status: int) -> UserError:
    """The error the service answered with; its words are in the caller's language already."""
    try:
        told = json.loads(body)["error"]
        words = {name: str(told.get(name) or "") for name in ("message", "hint")}
        code, field = str(told["code"]), told.get("field")
    except (ValueError, KeyError, TypeError):
        words = {"message": f"The platform answered with HTTP {status}.", "hint": ""}
        code, field = f"http-{status}", None
    error = UserError(code, words["message"], hint=words["hint"], field=field)
    error.status = status  # type: ignore[misc]
    return error
