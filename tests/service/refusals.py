"""Every address of the service, and for whom it is: the table that ``test_refusals.py`` holds the service to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

TRAINING = {"name": "t", "group": "vision", "image": "workspace:1", "package": "1Core2G", "entry": "true"}
SEARCH = {
    "training": TRAINING, "space": {"x": {"kind": "int", "low": 1, "high": 2}},
    "objective": {"tag": "loss", "direction": "minimize"},
}  # fmt: skip
SNAPSHOT = {"epoch": 1, "step": 1, "file": "x", "size": 1, "sha256": "0" * 64}
SOURCE = {"kind": "bucket", "key": "list.jsonl"}


class For(StrEnum):
    """Whom an address is for. Things are alice's, in her group vision; bob is in it, carl in another, dora in none."""

    EVERYBODY = "nobody need sign in"
    MACHINE = "this machine only, never through the proxy"
    HUB = "the Hub's internal token only"
    SELF = "what is one's own, by any token"
    PERSON = "what is one's own, by any token but a job's"
    WHOLE = "what is one's own, not by the token of a workspace or job, nor by a browser's cookie"
    ADMINISTRATOR = "administrators with a whole token"
    READER_GROUP = "who may read what the group sees"
    READER = "who may read what is alice's only"
    BESIDE = "who may read what the group sees, but no job: it starts nothing beside itself"
    OWNER_GROUP = "who may change what the group sees"
    OWNER = "who may change what is alice's only"
    RUN = "the owner, or the token of that very run"
    JOB = "the token of that very job"


@dataclass(frozen=True)
class Address:
    """One address with a body that is well-formed, so that only rights can refuse it."""

    method: str
    path: str
    for_: For
    body: Any = None
    query: str = ""


def rows(for_: For, *listed: tuple[Any, ...]) -> list[Address]:
    return [Address(row[0], row[1], for_, *row[2:]) for row in listed]


TABLE: list[Address] = [
    *rows(For.MACHINE, ("GET", "/health"), ("GET", "/metrics")),
    *rows(
        For.HUB,
        ("POST", "/internal/login", {"name": "alice", "password": "x", "address": "127.0.0.1"}),
        ("POST", "/internal/applications", {}),
        ("GET", "/internal/accounts/{hub_name}"),
        ("GET", "/internal/workspaces/{hub_name}/options"),
        ("POST", "/internal/workspaces/{hub_name}/launch", {"options": {}}),
        ("POST", "/internal/workspaces/{hub_name}/called-off"),
        ("POST", "/internal/workspaces/{hub_name}/ended", {"key": "workspace-1-1"}),
    ),
    *rows(
        For.SELF,
        ("GET", "/me"),
        ("GET", "/events"),
        ("GET", "/notices"),
        ("GET", "/groups"),
        ("GET", "/storage"),
        ("GET", "/storage/offer"),
        ("GET", "/bucket"),
        ("GET", "/bucket/object", None, "?key=x"),
        ("GET", "/datasets"),
        ("GET", "/formatted"),
        ("GET", "/graph/operations"),
        ("GET", "/graph/templates"),
        ("GET", "/jobs"),
        ("GET", "/images"),
        ("GET", "/packages"),
        ("GET", "/clusters"),
        ("GET", "/usage"),
        ("GET", "/usage/disk"),
        ("GET", "/usage/hours"),
        ("GET", "/trainings"),
        ("GET", "/searches"),
        ("GET", "/parameter-sets"),
        ("GET", "/models"),
        ("GET", "/workspace"),
    ),
    *rows(
        For.PERSON,
        ("PATCH", "/me", {"language": "zh"}),
        ("POST", "/notices/read"),
        ("DELETE", "/bucket/object", None, "?key=x"),
        ("POST", "/bucket/rename", {"key": "x", "to": "y"}),
        ("POST", "/uploads", {"name": "x", "size": 1, "purpose": "model"}),
        ("POST", "/datasets", {"name": "d", "source": SOURCE}),
        ("POST", "/trainings", TRAINING),
        ("POST", "/trainings/check", TRAINING),
        ("POST", "/searches", SEARCH),
        ("POST", "/searches/check", SEARCH),
        ("POST", "/parameter-sets", {"name": "p", "parameters": {}}),
        ("POST", "/graph/templates", {"name": "g", "graph": {"nodes": []}}),
        ("POST", "/models", {"name": "m", "upload": "0" * 16}),
        ("POST", "/workspace/renew"),
    ),
    *rows(
        For.WHOLE,
        ("POST", "/me/password", {"old": "x", "new": "a long enough sentence"}),
        ("GET", "/tokens"),
        ("POST", "/tokens", {"name": "t"}),
        ("DELETE", "/tokens/{token_id}"),
        ("POST", "/storage", {"bucket": "mine", "create": True}),
        ("POST", "/workspace/start", {}),
        ("POST", "/workspace/stop"),
    ),
    *rows(
        For.ADMINISTRATOR,
        ("GET", "/accounts"),
        ("POST", "/accounts/{account_id}/approve", {"group": None}),
        ("POST", "/accounts/{account_id}/refuse", {"reason": ""}),
        ("POST", "/accounts/{account_id}/block"),
        ("POST", "/accounts/{account_id}/unblock"),
        ("POST", "/accounts/{account_id}/administrator", {"administrator": True}),
        ("POST", "/accounts/{account_id}/password", {"new": "a long enough sentence"}),
        ("GET", "/accounts/{account_id}/deletion"),
        ("DELETE", "/accounts/{account_id}"),
        ("POST", "/groups", {"name": "mine"}),
        ("PUT", "/groups/{name}/quota", {}),
        ("PUT", "/groups/{name}/members/{account}", {}),
        ("DELETE", "/groups/{name}/members/{account}"),
        ("GET", "/audit"),
        ("GET", "/findings"),
        ("PUT", "/datasets/{dataset_id}/public"),
        ("DELETE", "/datasets/{dataset_id}/public"),
        ("GET", "/default-quota"),
        ("PUT", "/default-quota", {}),
        ("POST", "/usage/disk/measure"),
        ("PUT", "/packages/{name}", {"cpu": 1, "memory": 2**30}),
        ("DELETE", "/packages/{name}"),
        ("PUT", "/clusters/{name}", {"cpu": 1, "memory": 2**30}),
        ("DELETE", "/clusters/{name}"),
        ("PUT", "/groups/{name}/guarantee", {}),
        ("GET", "/allowed-hosts"),
        ("PUT", "/allowed-hosts", {"hosts": []}),
    ),
    *rows(
        For.READER_GROUP,
        ("GET", "/groups/{name}"),
        ("GET", "/shares/{group}/files"),
        ("GET", "/jobs/{job_id}"),
        ("GET", "/jobs/{job_id}/waiting"),
        ("GET", "/jobs/{job_id}/log"),
        ("GET", "/jobs/{job_id}/log/search", None, "?text=x"),
        ("GET", "/jobs/{job_id}/log/times"),
        ("GET", "/jobs/{job_id}/log/file"),
        ("GET", "/jobs/{job_id}/usage"),
        ("GET", "/jobs/{job_id}/replicas"),
        ("GET", "/curves", None, "?instance={instance_id}"),
        ("GET", "/curves/file", None, "?instance={instance_id}&format=csv"),
        ("GET", "/comparison", None, "?training={training_id}"),
        ("GET", "/jobs/{job_id}/attempts"),
        ("GET", "/trainings/{training_id}"),
        ("GET", "/trainings/{training_id}/tensorboard/{path:path}"),
        ("POST", "/trainings/{training_id}/tensorboard/{path:path}"),
        ("GET", "/instances/{instance_id}"),
        ("GET", "/instances/{instance_id}/curves"),
        ("GET", "/graph/templates/{template_id}"),
        ("GET", "/models/{model_id}"),
        ("GET", "/models/{model_id}/file"),
        ("GET", "/searches/{search_id}"),
        ("GET", "/searches/{search_id}/trials"),
        ("GET", "/searches/{search_id}/importances"),
        ("GET", "/searches/{search_id}/file"),
        ("GET", "/parameter-sets/{parameter_set_id}"),
        ("GET", "/parameter-sets/{parameter_set_id}/file"),
    ),
    *rows(
        For.READER,
        ("GET", "/uploads/{upload_id}"),
        ("GET", "/datasets/{dataset_id}"),
        ("GET", "/datasets/{dataset_id}/samples"),
        ("GET", "/datasets/{dataset_id}/picture", None, "?line=1"),
        ("GET", "/datasets/{dataset_id}/list"),
        ("GET", "/datasets/{dataset_id}/source", None, "?line=1"),
        ("GET", "/datasets/{dataset_id}/examination"),
        ("GET", "/datasets/{dataset_id}/failures"),
        ("GET", "/datasets/{dataset_id}/graph"),
        ("POST", "/datasets/{dataset_id}/graph/check", {"graph": {}}),
        ("POST", "/datasets/{dataset_id}/graph/preview", {"graph": {}, "node": "n"}),
        ("GET", "/batches/{batch_id}"),
        ("GET", "/batches/{batch_id}/manifest"),
        ("GET", "/batches/{batch_id}/skipped"),
        ("GET", "/formatted/{set_id}/loader"),
    ),
    *rows(
        For.OWNER_GROUP,
        ("POST", "/jobs/{job_id}/stop"),
        ("POST", "/trainings/{training_id}/stop"),
        ("POST", "/trainings/{training_id}/package", {"package": "1Core2G"}),
        ("POST", "/trainings/{training_id}/start"),
        ("POST", "/trainings/{training_id}/pause"),
        ("POST", "/trainings/{training_id}/resume"),
        ("DELETE", "/trainings/{training_id}"),
        ("DELETE", "/models/{model_id}"),
        ("POST", "/searches/{search_id}/pause"),
        ("POST", "/searches/{search_id}/resume"),
        ("POST", "/searches/{search_id}/stop"),
        ("POST", "/searches/{search_id}/register", {"name": "best"}),
        ("DELETE", "/searches/{search_id}"),
        ("PATCH", "/parameter-sets/{parameter_set_id}", {"name": "other"}),
        ("DELETE", "/parameter-sets/{parameter_set_id}"),
        ("PATCH", "/graph/templates/{template_id}", {"name": "other"}),
        ("DELETE", "/graph/templates/{template_id}"),
    ),
    *rows(
        For.OWNER,
        ("PATCH", "/uploads/{upload_id}"),
        ("DELETE", "/uploads/{upload_id}"),
        ("PATCH", "/datasets/{dataset_id}", {"name": "other"}),
        ("DELETE", "/datasets/{dataset_id}"),
        ("POST", "/datasets/{dataset_id}/copy", {"name": "copy"}),
        ("POST", "/datasets/{dataset_id}/resume"),
        ("POST", "/datasets/{dataset_id}/fetch", {"name": "fetched"}),
        ("POST", "/datasets/{dataset_id}/graph/run", {"name": "more", "graph": {}}),
        ("PUT", "/datasets/{dataset_id}/shares/{group}"),
        ("DELETE", "/datasets/{dataset_id}/shares/{group}"),
        ("POST", "/datasets/{dataset_id}/batches", {"formats": ["lmdb"]}),
        ("POST", "/datasets/{dataset_id}/examine"),
        ("POST", "/batches/{batch_id}/cancel"),
        ("POST", "/batches/{batch_id}/resume"),
        ("DELETE", "/batches/{batch_id}"),
        ("DELETE", "/formatted/{set_id}"),
    ),
    *rows(
        For.RUN,
        ("POST", "/trainings/{training_id}/instances", {"id": "1" * 24}),
        ("PUT", "/instances/{instance_id}", {"error": "x"}),
        ("POST", "/instances/{instance_id}/snapshots", SNAPSHOT),
    ),
    *rows(
        For.BESIDE,
        ("POST", "/trainings/{training_id}/tensorboard"),
        ("POST", "/comparison/tensorboard", None, "?training={training_id}"),
    ),
    *rows(
        For.READER_GROUP,
        ("GET", "/comparison/{trainings}/tensorboard/{path:path}"),
        ("POST", "/comparison/{trainings}/tensorboard/{path:path}"),
    ),
    *rows(
        For.JOB,
        ("GET", "/jobs/{job_id}/objects"),
        ("GET", "/jobs/{job_id}/object", None, "?key=x"),
        ("POST", "/jobs/{job_id}/fetch", {"url": "http://x/1.jpg"}),
    ),
    *rows(For.READER_GROUP, ("WEBSOCKET", "/jobs/{job_id}/log/follow")),
    *rows(For.OWNER_GROUP, ("WEBSOCKET", "/jobs/{job_id}/console")),
]

STRANGERS = {
    For.HUB: {401},
    For.ADMINISTRATOR: {403},
    For.READER_GROUP: {404},
    For.READER: {404},
    For.BESIDE: {404},
    For.OWNER_GROUP: {404},
    For.OWNER: {404},
    For.RUN: {404},
    For.JOB: {403},
}
MEMBERS = STRANGERS | {For.READER_GROUP: set(), For.BESIDE: set(), For.OWNER_GROUP: {403}, For.RUN: {403}}
RESTRICTED = {For.HUB: {401}, For.ADMINISTRATOR: {403}, For.WHOLE: {403}, For.JOB: {403}}
A_JOB = RESTRICTED | {For.PERSON: {403}, For.BESIDE: {403}, For.OWNER_GROUP: {403}, For.OWNER: {403}, For.JOB: set()}
NOBODY = {for_: {401} for for_ in For if for_ not in (For.EVERYBODY, For.MACHINE)}
SHUT_OUT = NOBODY | {for_: {403} for for_ in For if for_ not in (For.EVERYBODY, For.MACHINE, For.HUB)}
# by caller: which answer refuses what; what is not named is not refused for its caller's rights
EXPECTED: dict[str, dict[For, set[int]]] = {
    "nobody": NOBODY,
    "ended job": NOBODY,
    "ended workspace": NOBODY,
    "blocked": SHUT_OUT,
    "waiting": SHUT_OUT,
    "dora, in no group": STRANGERS,
    "carl, in another group": STRANGERS,
    "bob, in the same group": MEMBERS,
    "alice's workspace": RESTRICTED,
    "alice's job": A_JOB,
    "alice's other job": A_JOB | {For.JOB: {403}, For.RUN: {403}},
    "the administrator's workspace": STRANGERS | {For.WHOLE: {403}},
    # it looks at what is alice's, and changes nothing of it
    "the administrator's browser": RESTRICTED | {For.OWNER_GROUP: {403, 404}, For.OWNER: {404}, For.RUN: {404}},
    "another site in the administrator's browser": {},
}
