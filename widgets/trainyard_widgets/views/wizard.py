"""The training wizard: what each step offers, which validation set belongs to a training set, and what is still missing."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trainyard.errors import UserError
from trainyard.names import display_name
from trainyard.records.datasets import Format, FormattedSet
from trainyard.records.jobs import Image, Package
from trainyard.words import N_, translate

STEPS = ("sets", "image", "resources")
HOURS = 72.0
FORMAT_ORDER = [form.value for form in Format]


@dataclass(frozen=True)
class Offer:
    """What can be chosen: formatted sets by tab, images, packages for the chosen group, the viewer's groups and name."""

    sets: dict[str, list[FormattedSet]]
    images: list[Image]
    packages: list[Package]
    groups: list[str]
    person: str


def wizard_view(offer: Offer, query: dict[str, str], language: str) -> dict[str, Any]:
    """All three steps with what the URL has chosen, and ``problems`` by field."""
    everything = [one for sets in offer.sets.values() for one in sets]
    draft = draft_of(query, offer)
    return {
        "step": query.get("step") if query.get("step") in STEPS else STEPS[0],
        "draft": draft,
        "sets": {tab: grouped(sets) for tab, sets in offer.sets.items()},
        "chosen": {part: _set_view(found(everything, draft[f"{part}_set"])) for part in ("train", "val")},
        "pair": _set_view(pair_of(everything, draft["train_set"])),
        "images": [image_view(image) for image in offer.images if image.kind == "training"],
        "packages": [package.model_dump(mode="json") for package in offer.packages],
        "groups": offer.groups,
        "examples": entries(offer, draft),
        "problems": problems(draft, offer, language),
        "notes": notes(draft, everything, language),
    }


def draft_of(query: dict[str, str], offer: Offer) -> dict[str, Any]:
    """The training as the URL describes it, with sensible choices where it says nothing."""
    image = query.get("image") or next(
        (_key(one) for one in offer.images if one.kind == "training" and one.state == "ready"), ""
    )
    fitting = [one for one in offer.packages if one.available and not one.gpu]
    largest = max(fitting, key=lambda one: (one.cpu, one.memory), default=None)
    package = query.get("package") or (largest.name if largest else "")
    chosen = next((one for one in offer.images if _key(one) == image), None)
    return {
        "name": query.get("name", ""),
        "description": query.get("description", ""),
        "group": query.get("group") or next(iter(offer.groups), ""),
        "train_set": query.get("train", ""),
        "val_set": query.get("val", ""),
        "image": image,
        "package": package,
        "entry": query.get("entry") or (chosen.entries[0] if chosen and chosen.entries else ""),
        "hours": query.get("hours", f"{HOURS:g}"),
        "parameters": query.get("parameters", ""),
    }


def grouped(sets: list[FormattedSet]) -> list[dict[str, Any]]:
    """Sets by dataset and batch, the newest first, training and validation set of one format side by side."""
    datasets: dict[str, dict[str, Any]] = {}
    for one in sets:
        if not one.ready:
            continue
        dataset = datasets.setdefault(one.dataset, {"id": one.dataset, "name": one.dataset_name, "pairs": {}})
        about = {"batch": one.batch, "format": one.format.value, "created": _iso(one.created), "resize": one.resize}
        pair = dataset["pairs"].setdefault((one.batch, one.format.value), about)
        pair[one.split] = _set_view(one)
    return [dataset | {"pairs": _newest_first(dataset["pairs"].values())} for dataset in datasets.values()]


def _newest_first(pairs: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of one batch RecordIO comes first: the example reads it."""
    by_format = sorted(pairs, key=lambda pair: FORMAT_ORDER.index(pair["format"]))
    return sorted(by_format, key=lambda pair: (pair["created"] or "", pair["batch"]), reverse=True)


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def pair_of(sets: list[FormattedSet], train: str) -> FormattedSet | None:
    """The validation set of the same batch and format as the training set whose id is ``train``."""
    chosen = found(sets, train)
    if chosen is None:
        return None
    return next((one for one in sets if one.split == "val" and (one.batch, one.format) == (chosen.batch, chosen.format)), None)


def found(sets: list[FormattedSet], wanted: str) -> FormattedSet | None:
    """The set whose id is ``wanted``."""
    return next((one for one in sets if one.id == wanted), None)


def image_view(image: Image) -> dict[str, Any]:
    """An image as a choice: only a ready one can be chosen."""
    return image.model_dump(mode="json") | {"key": _key(image), "available": image.state == "ready"}


def entries(offer: Offer, draft: dict[str, Any]) -> list[str]:
    """Commands to copy: the image's own examples, and a script on the group's share."""
    image = next((one for one in offer.images if _key(one) == draft["image"]), None)
    share = shlex.quote(f"/workspace/mnt/group/{draft['group']}/{offer.person}/train.py")
    return [*(image.entries if image else []), *([f"python {share}"] if draft["group"] else [])]


def problems(draft: dict[str, Any], offer: Offer, language: str) -> dict[str, str]:
    """What keeps the training from being created, by field; the service checks again and has the last word."""
    found_problems: dict[str, str] = {}
    checks = {"name": _name, "group": _group, "image": _image, "package": _package, "entry": _entry, "hours": _hours}
    for field, check in (checks | {"parameters": _parameters}).items():
        if message := check(draft, offer, language):
            found_problems[field] = message
    return found_problems


def notes(draft: dict[str, Any], sets: list[FormattedSet], language: str) -> list[str]:
    """What is allowed and yet worth a second look."""
    train, val = found(sets, draft["train_set"]), found(sets, draft["val_set"])
    said = []
    if train and val and train.format != val.format:
        said.append(N_("Training and validation set have different formats; the example scripts expect the same."))
    elif train and val and train.batch != val.batch:
        said.append(N_("The validation set is of another batch: pictures may be in both sets, and resizing may differ."))
    if train is None:
        said.append(N_("No training set is chosen: the script must bring its own data."))
    return [translate(sentence, language) for sentence in said]


def new_training(draft: dict[str, Any]) -> dict[str, Any]:
    """The draft as the fields of ``NewTraining``."""
    parameters = draft["parameters"].strip()
    plain = {key: draft[key] for key in ("name", "description", "group", "image", "package", "entry", "hours")}
    return plain | {
        "train_set": draft["train_set"] or None,
        "val_set": draft["val_set"] or None,
        "parameters": json.loads(parameters) if parameters else {},
    }


def _name(draft: dict[str, Any], _offer: Offer, language: str) -> str:
    try:
        display_name(draft["name"])
    except UserError as refused:
        return refused.text(language)
    return ""


def _group(_draft: dict[str, Any], offer: Offer, language: str) -> str:
    sentence = N_("Training needs a group. Ask an administrator to add you to one.")
    return "" if offer.groups else translate(sentence, language)


def _image(draft: dict[str, Any], offer: Offer, language: str) -> str:
    image = next((one for one in offer.images if _key(one) == draft["image"]), None)
    if image is None:
        return translate(N_("Choose an image."), language)
    if image.state != "ready":
        return translate(N_("The image {image} is not ready yet."), language, image=draft["image"])
    return ""


def _package(draft: dict[str, Any], offer: Offer, language: str) -> str:
    package = next((one for one in offer.packages if one.name == draft["package"]), None)
    if package is None:
        return translate(N_("Choose a package."), language)
    return "" if package.available else package.why_not


def _entry(draft: dict[str, Any], _offer: Offer, language: str) -> str:
    try:
        words = shlex.split(draft["entry"])
    except ValueError:
        return translate(N_("A quotation mark is opened and not closed."), language)
    if not words:
        return translate(N_("Say which script to run; copy one of the examples."), language)
    if not words[0].startswith("/") and words[0] not in {"python", "python3", "sh", "bash"}:
        sentence = N_("{program} is not a whole path. Begin with / , or with python, sh or bash.")
        return translate(sentence, language, program=words[0])
    return ""


def _hours(draft: dict[str, Any], _offer: Offer, language: str) -> str:
    try:
        hours = float(draft["hours"])
    except ValueError:
        return translate(N_("This is not a number."), language)
    return "" if 0 < hours <= HOURS else translate(N_("A training may run more than 0 and at most 72 hours."), language)


def _parameters(draft: dict[str, Any], _offer: Offer, language: str) -> str:
    text = draft["parameters"].strip()
    try:
        value = json.loads(text) if text else {}
    except ValueError as problem:
        line, column = getattr(problem, "lineno", 1), getattr(problem, "colno", 1)
        return translate(N_("This is not JSON: line {line}, column {column}."), language, line=line, column=column)
    return "" if isinstance(value, dict) else translate(N_("Write an object: names and values between braces."), language)


def _set_view(one: FormattedSet | None) -> dict[str, Any] | None:
    return one.model_dump(mode="json") if one else None


def _key(image: Image) -> str:
    return f"{image.name}:{image.version}"
