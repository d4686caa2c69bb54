"""The catalogue of images: what the repository describes (``images/*/image.yaml``) and what is built on this machine."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from trainyard.errors import NotFound
from trainyard.home import Home
from trainyard.records.jobs import Image
from trainyard.words import N_, translate

from trainyard_service.settings import Settings

SOURCES = Path(__file__).parents[2] / "images"
READY = "ready"
_MISSING = "missing"
_NOT_NAMED = N_("This cluster does not know it yet. An administrator names it under `images` in kubernetes.yaml.")
_BUILD = ".build-"


def catalogue(home: Home, language: str, sources: Path = SOURCES, name: str | None = None) -> list[Image]:
    """Every image that is described or built (or all of one name), by name, the newest version first."""
    told = [one for one in _described(sources) if name in (None, str(one["name"]))]
    described = {(str(one["name"]), str(one["version"])): one for one in told}
    built = {key: facts for folder in _inside(home.images) if name in (None, folder.name) for key, facts in _built(folder)}
    found = [_view(key, described.get(key, {}), built.get(key), language) for key in described.keys() | built.keys()]
    return sorted(found, key=lambda image: (image.name, [-part for part in _version(image.version)]))


def shown(settings: Settings, language: str) -> list[Image]:
    """The catalogue for people; what a cluster does not know says how it gets there."""
    found = catalogue(settings.places, language)
    if not settings.on_cluster:
        return found
    told = {"error": translate(_NOT_NAMED, language)}
    return [image.model_copy(update=told) if image.state == _MISSING else image for image in found]


def find(home: Home, reference: str, language: str = "en") -> Image:
    """The image ``name:version``, or of a bare ``name`` the newest that is ready.

    Raises:
        NotFound: there is none, or it is not built; the sentence says its state.
    """
    name, _, version = reference.partition(":")
    same = [image for image in catalogue(home, language, name=name) if version in ("", image.version)]
    for image in same:
        if image.state == READY:
            return image
    if not same:
        known = ", ".join(dict.fromkeys(image.name for image in catalogue(home, language)))
        sentence, hint = N_("There is no image {image}."), N_("Choose one of: {images}.")
        raise NotFound("image-not-ready", sentence, hint=hint, field="image", image=reference, images=known)
    raise NotFound(
        "image-not-ready",
        N_("The image {image} cannot be used; its state is: {state}."),
        hint=N_("Choose another image, or wait until this one is built."),
        field="image",
        image=reference,
        state=same[0].state,
    )


def reference(image: Image) -> str:
    """How launchers know an image."""
    return f"{image.name}:{image.version}"


def _described(sources: Path) -> list[dict[str, Any]]:
    found = []
    with suppress(OSError), os.scandir(sources) as folders:
        for path in sorted(f"{folder.path}/image.yaml" for folder in folders):
            with suppress(FileNotFoundError, NotADirectoryError):
                found.append(_recipe(path, os.stat(path).st_mtime_ns))  # noqa: PTH116 (a path each would cost ten times that)
    return [one for one in found if isinstance(one, dict) and "name" in one and "version" in one]


@lru_cache(maxsize=256)
def _recipe(path: str, _changed: int) -> Any:
    """What a file describes; every submission and every start asks, and YAML takes longer to read than both."""
    return yaml.safe_load(Path(path).read_text(encoding="utf-8"))


def _built(folder: Path) -> Iterator[tuple[tuple[str, str], dict[str, Any]]]:
    """Of one name: what is being built (in ``.build-<version>``, see ``trainyard_spawner.images``), and what is whole."""
    for version in _inside(folder):
        if version.name.startswith(_BUILD):
            yield (folder.name, version.name.removeprefix(_BUILD)), {"state": "building"}
        elif not version.name.startswith(".") and (path := version / "image.json").exists():
            yield (folder.name, version.name), _facts(path)


def _inside(folder: Path) -> list[Path]:
    """What lies in a folder, by name (so that what is being built comes before what is whole); nothing where there is none."""
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def folder_of(home: Home, image: Image) -> Path:
    """Where a built image lies: ``env``, ``examples``, ``image.json``.

    The administrator may keep images on another disk, by a link; mounts are reached without any.
    """
    return (home.images / image.name / image.version).resolve()


def environment_of(settings: Settings, image: Image) -> Path | None:
    """The environment a launch of ``image`` sees; None on a cluster, where it is the container image's own."""
    return None if settings.on_cluster else folder_of(settings.places, image) / "env"


def _facts(path: Path) -> dict[str, Any]:
    try:
        told = json.loads(path.read_bytes())
    except (OSError, ValueError):
        told = {}
    return {**(told if isinstance(told, dict) else {}), "state": READY}


def _view(key: tuple[str, str], described: Mapping[str, Any], built: Mapping[str, Any] | None, language: str) -> Image:
    facts = {**described, **{name: value for name, value in (built or {}).items() if value is not None}}
    size = facts.get("size")
    return Image(
        name=key[0],
        version=key[1],
        title=_text(facts.get("title", key[0]), language),
        description=_text(facts.get("description", ""), language),
        kind=str(facts.get("kind", "training")),
        framework=str(facts.get("framework", "")),
        entries=_entries(facts),
        state=str(facts.get("state", _MISSING)) if built is not None else _MISSING,
        size=size if isinstance(size, int) else None,
        error=str(facts.get("error") or ""),
    )


def _entries(facts: Mapping[str, Any]) -> list[str]:
    entries = facts.get("entries", facts.get("entry", []))
    return [entries] if isinstance(entries, str) else [str(entry) for entry in entries or []]


def _text(value: Any, language: str) -> str:
    if isinstance(value, Mapping):
        return str(value.get(language) or value.get("en") or "")
    return str(value or "")


def _version(text: str) -> list[int]:
    return [int(part) if part.isdigit() else 0 for part in text.split(".")]
