"""Workspaces and jobs when the platform stops: workspaces always end with it, jobs only when asked."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import httpx
from trainyard.home import Home
from trainyard.jobs.launch import Launcher
from trainyard.jobs.states import ENDED, JobState
from trainyard.records.searches import SearchState
from trainyard.words import N_
from trainyard_spawner import cgroups
from trainyard_spawner.buckets.mounts import BucketMounts
from trainyard_spawner.sandbox_launcher import SandboxLauncher

from trainyard_hub.settings import Settings
from trainyard_hub.stack.console import Terminal

GRACE_SECONDS = 10.0
JOB_GRACE_SECONDS = 60.0
PAGE = 500


def ends_with_platform(key: str) -> bool:
    """Whether a launch goes when the platform goes, by its key: a workspace, or a TensorBoard behind the service."""
    return key.startswith(("workspace-", "tensorboard-"))


def is_job(key: str) -> bool:
    """Whether a launch is an attempt of a job, by its key."""
    return key.startswith("job-")


def stop_launches(home: Home, wanted: Callable[[str], bool], grace: float = GRACE_SECONDS) -> int:
    """Ask every running launch whose key is wanted to end; how many were asked."""
    launcher: Launcher = SandboxLauncher(home)
    keys = _running(launcher, wanted)
    for key in keys:
        launcher.stop(key, grace=grace)
    return len(keys)


def wait_for_launches(home: Home, wanted: Callable[[str], bool], seconds: float = GRACE_SECONDS + 5) -> list[str]:
    """Wait until the wanted launches have ended; the keys of those that have not."""
    launcher: Launcher = SandboxLauncher(home)
    deadline = time.monotonic() + seconds
    while (left := _running(launcher, wanted)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left


def end_unused(home: Home) -> None:
    """Unmount the buckets and remove the control groups that nothing uses any more; those of running jobs stay, and are adopted
    at the next start.
    """
    BucketMounts(home).end_unused()
    cgroups.remove_unused(home.root.resolve())


def ask_to_stop_jobs(settings: Settings, terminal: Terminal) -> bool:
    """Ask the running service to stop every job, so that it records that a person did it; False when it cannot be asked.

    Searches are paused before, or each would begin another trial for every one that is stopped; they stay so, and it is said,
    as it is of one that could not be paused.
    """
    try:
        with _service(settings, terminal.language) as client:
            _pause_searches(client, terminal)
            for job in _unfinished_jobs(client):
                client.post(f"/jobs/{job}/stop")
    except (httpx.HTTPError, ValueError, FileNotFoundError):
        return False
    return True


def _pause_searches(client: httpx.Client, terminal: Terminal) -> None:
    # all are listed first: one that ends meanwhile would shift the pages
    searches = _items(client, "/searches", {"state": [SearchState.RUNNING.value]})
    answers = [(search, client.post(f"/searches/{search['id']}/pause")) for search in searches]
    if paused := sum(answer.is_success for _, answer in answers):
        terminal.say(N_("Paused searches: {count}. They stay paused until someone resumes them."), count=paused)
    for search, answer in answers:
        if not answer.is_success:
            terminal.say(N_("The search {name} was not paused: {reason}"), name=search["name"], reason=_refusal_of(answer))


def _refusal_of(answer: httpx.Response) -> str:
    """The sentence the service refused with, or what is left of it."""
    try:
        return str(answer.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {answer.status_code}"


def wait_for_records(settings: Settings, seconds: float = GRACE_SECONDS) -> None:
    """Wait until the running service has written down how every job ended; without it the next start finds out."""
    deadline = time.monotonic() + seconds
    with suppress(httpx.HTTPError, ValueError, FileNotFoundError), _service(settings) as client:
        while _unfinished_jobs(client) and time.monotonic() < deadline:
            time.sleep(0.1)


def _service(settings: Settings, language: str = "en") -> httpx.Client:
    """The service as the first administrator reaches it; it refuses in ``language``.

    Raises:
        FileNotFoundError: no start has ever come so far.
    """
    token = settings.home.administrator_token.read_text().strip()
    headers = {"Authorization": f"Bearer {token}", "Accept-Language": language}
    return httpx.Client(base_url=f"{settings.service_url}/api/v1", headers=headers, timeout=10, trust_env=False)


def _unfinished_jobs(client: httpx.Client) -> list[str]:
    """The ids of all jobs that have not ended, everybody's."""
    states = [state.value for state in JobState if state not in ENDED]
    return [job["id"] for job in _items(client, "/jobs", {"all": "true", "state": states})]


def _items(client: httpx.Client, path: str, query: dict[str, str | list[str]]) -> list[dict[str, Any]]:
    """Everything that a list has, page by page."""
    found: list[dict[str, Any]] = []
    while True:
        page = client.get(path, params={**query, "offset": len(found), "limit": PAGE}).raise_for_status().json()
        found += page["items"]
        if not page["items"] or len(found) >= page["total"]:
            return found


def _running(launcher: Launcher, wanted: Callable[[str], bool]) -> list[str]:
    return [state.key for state in launcher.states() if state.phase != "ended" and wanted(state.key)]
