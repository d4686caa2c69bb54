"""The list of trainings: one row each, what may be done with it, its instances, and how a copy of it is filled in."""

from __future__ import annotations

import json
from typing import Any

from trainyard.jobs.states import ENDED, Cause, JobState
from trainyard.records.base import Page
from trainyard.records.trainings import Instance, Training
from trainyard.words import N_, translate

from trainyard_widgets.views.endings import ending_view, waiting_view

PAGE_SIZE = 20
_USUAL_PRIORITY = 100
_DRY = " (dry run)"
"""What the service puts behind the name of a try."""


def list_query(query: dict[str, str]) -> dict[str, Any]:
    """The parameters of ``GET /trainings`` from the page's own URL."""
    number = query.get("page", "1")
    page = int(number) if number.isdigit() and number != "0" else 1
    asked = {"state": query.get("state", ""), "search": query.get("search", ""), "trials": query.get("trials") == "shown"}
    return asked | {"offset": (page - 1) * PAGE_SIZE, "limit": PAGE_SIZE}


def list_view(page: Page[Training], asked: dict[str, Any], language: str) -> dict[str, Any]:
    """What the table shows, and which empty state fits."""
    filtered = bool(asked["state"] or asked["search"])
    return {
        "rows": [row(training, language) for training in page.items],
        "total": page.total,
        "page": asked["offset"] // PAGE_SIZE + 1,
        "page_size": PAGE_SIZE,
        "state": asked["state"],
        "search": asked["search"],
        "empty": "" if page.total else ("nothing-found" if filtered else "none"),
    }


def row(training: Training, language: str) -> dict[str, Any]:
    """One training: what the list and the monitor show of its configuration and its job."""
    job = training.job
    return {
        "id": training.id,
        "job": job.id,
        "name": training.name,
        "description": training.description,
        "state": job.state.value,
        "stopping": job.wanted == "stop" and job.state not in ENDED,
        "owner": job.owner.name,
        "group": job.group,
        "image": job.image,
        "package": job.package,
        "attempt": job.attempt,
        "cluster": job.cluster,
        "priority": job.priority,
        "preemptible": job.preemptible,
        "log_patterns": training.log_patterns,
        "distributed": training.distributed.model_dump(mode="json") if training.distributed else None,
        "replicas": job.replicas,
        "created": _time(job.created),
        "started": _time(job.started),
        "ended": _time(job.ended),
        "deadline": _time(job.deadline),
        "entry": training.entry,
        "hours": training.hours,
        "log": training.log,
        "sets": [{"part": part, **one.model_dump(mode="json")} for part, one in training.sets.items()],
        "instances": [instance_view(one) for one in training.instances],
        "waiting": waiting_view(job.waiting),
        "ending": ending_view(job),
        "actions": actions(training),
        "refused": refusals(training, language),
        "clone": clone_query(training),
        "paused": job.paused,
        "dry_run": training.dry_run,
        "checkpoint": training.checkpoint.model_dump() if training.checkpoint else None,
        "search": training.search.model_dump() if training.search else None,
        "retries": job.retries,
        "most_retries": job.restart.max_retries if job.restart else 0,
        "retry_at": _time(job.retry_at),
    }


def instance_view(instance: Instance) -> dict[str, Any]:
    """A run of a script; ``done`` is how far it is as a part of 1, None while the number of epochs is unknown."""
    plain = instance.model_dump(mode="json")
    plain["epoch"] = instance.epoch_under_way
    plain["done"] = None
    if instance.state == "done":
        plain["done"] = 1.0
    elif instance.remaining is not None and instance.elapsed + instance.remaining > 0:
        plain["done"] = round(instance.elapsed / (instance.elapsed + instance.remaining), 4)
    elif instance.epoch is not None and instance.epochs:
        plain["done"] = round(min(1.0, instance.epoch / instance.epochs), 4)
    return plain


def actions(training: Training) -> list[str]:
    """Which of ``stop``, ``pause``, ``start``, ``resume`` and ``delete`` fit the state of the job; ``clone`` always does."""
    job = training.job
    if not training.may_change:
        return ["clone"]
    if job.state in ENDED:
        ran_out = job.ending is not None and job.ending.cause is Cause.TIME_LIMIT and not training.dry_run
        resumes = training.checkpoint is not None or job.paused or ran_out
        return ["start", *(["resume"] if resumes else []), "delete", "clone"]
    if job.wanted == "stop":
        return ["clone"]
    return ["stop", *(["pause"] if job.state is JobState.RUNNING else []), "clone"]


def refusals(training: Training, language: str) -> dict[str, str]:
    """Why a running training cannot be deleted, and why somebody else's cannot be changed."""
    if not training.may_change:
        only = translate(N_("Only {owner} may do this."), language, owner=training.job.owner.name)
        return {"stop": only, "start": only, "delete": only}
    if training.job.state not in ENDED:
        return {"delete": translate(N_("Stop the training first; then it can be deleted."), language)}
    return {}


def clone_query(training: Training) -> dict[str, str]:
    """The URL parameters that open the wizard filled in like ``training``, under a name of its own."""
    query = {
        "name": training.name.removesuffix(_DRY) if training.dry_run else _next_name(training.name),
        "description": training.description,
        "group": training.job.group or "",
        "image": training.job.image,
        "package": training.job.package,
        "entry": training.entry,
        "hours": f"{training.hours:g}",
        "parameters": json.dumps(training.parameters, ensure_ascii=False) if training.parameters else "",
        "cluster": training.job.cluster or "",
        "priority": str(training.job.priority) if training.job.priority != _USUAL_PRIORITY else "",
        "preemptible": "1" if training.job.preemptible else "",
        "log_patterns": "\n".join(training.log_patterns),
    }
    if training.job.restart:
        policy = training.job.restart
        query |= {"retries": str(policy.max_retries), "retry_on": ",".join(policy.on)}
        query |= {"backoff": f"{policy.backoff:g}", "go_on": "1" if policy.after_time_limit else ""}
    if several := training.distributed:
        query |= {"workers": str(several.workers), "distributed": several.kind.value, "servers": str(several.servers)}
        query |= {f"{role}_package": name for role, name in several.packages.items()}
    query |= {part: one.id for part, one in training.sets.items()}
    return {key: value for key, value in query.items() if value}


def _next_name(name: str) -> str:
    """``digits`` becomes ``digits-2``, ``digits-2`` becomes ``digits-3``; never longer than 63 characters."""
    stem, dash, number = name.rpartition("-")
    following = f"-{int(number) + 1}" if dash and number.isdecimal() else "-2"
    stem = stem if dash and number.isdecimal() else name
    return stem[: 63 - len(following)] + following


def _time(moment: Any) -> str | None:
    return moment.isoformat().replace("+00:00", "Z") if moment else None
