"""The training wizard: what each step offers, which validation set belongs to a training set, and what is still missing."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from trainyard.errors import Invalid, UserError
from trainyard.names import display_name
from trainyard.records.datasets import Format, FormattedSet
from trainyard.records.distributed import DistributedKind, Role
from trainyard.records.jobs import Image, Package
from trainyard.records.resources import Cluster
from trainyard.training.patterns import BUILT_IN, compiled
from trainyard.words import N_, translate

PARTS = ("train", "val", "test")
STEPS = ("sets", "image", "resources")
HOURS = 72.0
PRIORITIES = {False: (100, 200), True: (1, 1000)}
"""What people and administrators may ask for; 100 is usual."""
FORMAT_ORDER = [form.value for form in Format]


@dataclass(frozen=True)
class Offer:
    """What can be chosen: formatted sets by tab, images, packages for the chosen group, the viewer's groups and name,
    virtual clusters, and the longest time limit outside of them; ``try_seconds`` is how long a try of one batch may last.
    """

    sets: dict[str, list[FormattedSet]]
    images: list[Image]
    packages: list[Package]
    groups: list[str]
    person: str
    clusters: list[Cluster] = field(default_factory=list)
    hours: float = HOURS
    try_seconds: float = 60.0
    administrator: bool = False


def wizard_view(offer: Offer, query: dict[str, str], language: str) -> dict[str, Any]:
    """All three steps with what the URL has chosen, and ``problems`` by field.

    ``asked`` is the URL it was made from: the page shows over it what was chosen since.
    """
    everything = [one for sets in offer.sets.values() for one in sets]
    draft = draft_of(query, offer)
    return {
        "asked": query,
        "step": query.get("step") if query.get("step") in STEPS else STEPS[0],
        "draft": draft,
        "sets": {tab: grouped(sets) for tab, sets in offer.sets.items()},
        "chosen": {part: _set_view(found(everything, draft[f"{part}_set"])) for part in PARTS},
        "pair": _set_view(pair_of(everything, draft["train_set"])),
        "images": [image_view(image) for image in offer.images if image.kind == "training"],
        "packages": [package.model_dump(mode="json") for package in offer.packages],
        "groups": offer.groups,
        "clusters": [one.model_dump(mode="json") for one in clusters_for(offer, draft["group"])],
        "most_hours": most_hours(draft, offer),
        "try_seconds": offer.try_seconds,
        "priorities": PRIORITIES[offer.administrator],
        "patterns": list(BUILT_IN),
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
        "test_set": query.get("test", ""),
        "image": image,
        "package": package,
        "entry": query.get("entry") or (chosen.entries[0] if chosen and chosen.entries else ""),
        "cluster": query.get("cluster", ""),
        "priority": query.get("priority", "100"),
        "preemptible": query.get("preemptible", ""),
        "hours": query.get("hours") or f"{_longest(query.get('cluster', ''), offer):g}",
        "parameters": query.get("parameters", ""),
        "retries": query.get("retries", "0"),
        "retry_on": query.get("retry_on", "transient"),
        "backoff": query.get("backoff", "30"),
        "go_on": query.get("go_on", ""),
        "log_patterns": query.get("log_patterns", ""),
        "workers": query.get("workers", ""),
        "distributed": query.get("distributed") or _framework_of(image, chosen),
        "servers": query.get("servers", "1"),
        "server_package": query.get("server_package", ""),
        "scheduler_package": query.get("scheduler_package", ""),
        "edit": query.get("edit", ""),
    }


def _framework_of(name: str, image: Image | None) -> str:
    """How replicas find each other with that image, as far as that can be told."""
    told = f"{image.framework if image else ''} {name}"
    return next((kind.value for kind in DistributedKind if kind in told), DistributedKind.PYTORCH.value)


def distributed_of(draft: dict[str, Any]) -> dict[str, Any] | None:
    """``NewTraining.distributed``; None is one process."""
    if not draft["workers"]:
        return None
    packages = {role: draft[f"{role}_package"] for role in (Role.SERVER, Role.SCHEDULER) if draft[f"{role}_package"]}
    of_servers = {"servers": draft["servers"], "packages": packages} if draft["distributed"] == DistributedKind.MXNET else {}
    return {"kind": draft["distributed"], "workers": draft["workers"], **of_servers}


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
    checks = {
        "name": _name, "group": _group, "image": _image, "package": _package, "cluster": _cluster, "hours": _hours,
        "priority": _priority, "entry": _entry, "parameters": _parameters, "log_patterns": _patterns,
        "workers": _workers, "servers": _servers,
    }  # fmt: skip
    for name, check in checks.items():
        if message := check(draft, offer, language):
            found_problems[name] = message
    return found_problems


def clusters_for(offer: Offer, group: str) -> list[Cluster]:
    """The virtual clusters a training of ``group`` may run in."""
    return [one for one in offer.clusters if not one.groups or group in one.groups]


def most_hours(draft: dict[str, Any], offer: Offer) -> float:
    """The longest time limit where the training is to run."""
    return _longest(draft["cluster"], offer)


def _longest(cluster: str, offer: Offer) -> float:
    return next((one.hours for one in offer.clusters if one.name == cluster), offer.hours)


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
    same = ("name", "description", "group", "image", "package", "entry", "hours", "priority")
    return {key: draft[key] for key in same} | {
        **{name: draft[name] or None for name in (*(f"{part}_set" for part in PARTS), "cluster")},
        "preemptible": bool(draft["preemptible"]),
        "parameters": json.loads(parameters) if parameters else {},
        "log_patterns": patterns_of(draft),
        "distributed": distributed_of(draft),
        "restart": {
            "max_retries": draft["retries"],
            "on": draft["retry_on"].split(","),
            "backoff": draft["backoff"],
            "after_time_limit": bool(draft["go_on"]),
        },
    }


def patterns_of(draft: dict[str, Any]) -> list[str]:
    """What is to be read from the output, one pattern a line."""
    return [line.strip() for line in draft["log_patterns"].splitlines() if line.strip()]


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


def _hours(draft: dict[str, Any], offer: Offer, language: str) -> str:
    try:
        hours = float(draft["hours"])
    except ValueError:
        return translate(N_("This is not a number."), language)
    most = most_hours(draft, offer)
    sentence = N_("A training may run more than 0 and at most {most} hours here.")
    return "" if 0 < hours <= most else translate(sentence, language, most=f"{most:g}")


def _workers(draft: dict[str, Any], _offer: Offer, language: str) -> str:
    return _count(draft["workers"], 32, language) if draft["workers"] else ""


def _servers(draft: dict[str, Any], _offer: Offer, language: str) -> str:
    return _count(draft["servers"], 16, language) if draft["workers"] else ""


def _count(text: str, most: int, language: str) -> str:
    if text.isdecimal() and 1 <= int(text) <= most:
        return ""
    return translate(N_("A whole number from {low} to {high}."), language, low=1, high=most)


def _cluster(draft: dict[str, Any], offer: Offer, language: str) -> str:
    chosen = draft["cluster"]
    if not chosen or any(one.name == chosen for one in clusters_for(offer, draft["group"])):
        return ""
    sentence = N_("There is no virtual cluster {cluster} for the group {group}.")
    return translate(sentence, language, cluster=chosen, group=draft["group"])


def _priority(draft: dict[str, Any], offer: Offer, language: str) -> str:
    low, high = PRIORITIES[offer.administrator]
    if draft["priority"].isdecimal() and low <= int(draft["priority"]) <= high:
        return ""
    return translate(N_("A whole number from {low} to {high}."), language, low=low, high=high)


def _patterns(draft: dict[str, Any], _offer: Offer, language: str) -> str:
    try:
        compiled(patterns_of(draft))
    except UserError as refused:
        return " ".join(filter(None, (refused.text(language), refused.hint_text(language))))
    return ""


def _parameters(draft: dict[str, Any], _offer: Offer, language: str) -> str:
    text = draft["parameters"].strip()
    try:
        value = json.loads(text, object_pairs_hook=_named) if text else {}
    except UserError as refused:
        return refused.text(language)
    except (ValueError, RecursionError) as problem:
        line, column = getattr(problem, "lineno", 1), getattr(problem, "colno", 1)
        return translate(N_("This is not JSON: line {line}, column {column}."), language, line=line, column=column)
    return "" if isinstance(value, dict) else translate(N_("Write an object: names and values between braces."), language)


def _named(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON whose names can be told apart.

    Raises:
        Invalid: one is empty or there twice; of two values nobody would know which counts.
    """
    named: dict[str, Any] = {}
    for name, value in pairs:
        if not name:
            raise Invalid("no-name", N_("A parameter has no name."))
        if name in named:
            raise Invalid("name-twice", N_("{name} is there twice."), name=name)
        named[name] = value
    return named


def _set_view(one: FormattedSet | None) -> dict[str, Any] | None:
    return one.model_dump(mode="json") if one else None


def _key(image: Image) -> str:
    return f"{image.name}:{image.version}"
