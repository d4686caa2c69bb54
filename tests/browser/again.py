"""A second try finds what the first found: what it left behind is cleared away first (docs/testing.md, "The second try")."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from playwright.sync_api import expect

from .visitor import Visitor


def named(who: Visitor, what: str, name: str) -> list[Any]:
    """What is called exactly so, of ``datasets``, ``trainings``, ``models``, ``searches`` and other lists."""
    told = who.call("GET", f"/{what}?search={quote(name)}")
    return [one for one in (told if isinstance(told, list) else told["items"]) if one["name"] == name]


def clear_away(who: Visitor, what: str, *names: str) -> None:
    """Delete what is called so; a training or a search is ended first, and trials go with their search."""
    for one in [one for name in names for one in named(who, what, name)]:
        if what == "trainings":
            end(who, one["id"])
        if what == "searches":
            if one["state"] in ("running", "paused"):
                who.call("POST", f"/searches/{one['id']}/stop")
            while who.call("GET", f"/searches/{one['id']}")["counts"]["running"]:
                who.page.wait_for_timeout(200)
        who.call("DELETE", f"/{what}/{one['id']}{'?trials=true' if what == 'searches' else ''}")


def end(who: Visitor, training: str) -> None:
    """Stop a training where it has not ended, and wait until it has."""
    if not who.call("GET", f"/trainings/{training}")["job"]["ended"]:
        who.call("POST", f"/trainings/{training}/stop")
    while not who.call("GET", f"/trainings/{training}")["job"]["ended"]:
        who.page.wait_for_timeout(200)


def have_no_workspace(who: Visitor) -> None:
    """Stop a workspace that runs, until the Hub offers the form for a new one."""
    if who.call("GET", "/workspace")["state"] == "stopped":
        return
    if is_up(who):
        who.call("POST", "/workspace/stop")
        while who.call("GET", "/workspace")["state"] != "stopped":
            who.page.wait_for_timeout(200)
    open_spawn_form(who)


def have_workspace(who: Visitor) -> None:
    """Start a workspace where none runs, and wait for its JupyterLab."""
    if not is_up(who):
        hub_name = f"u{who.call('GET', '/me')['id']}"
        open_spawn_form(who)
        who.page.locator("#spawn_form [type=submit]").click()
        who.page.wait_for_url(f"**/user/{hub_name}/**", timeout=240_000)


def is_up(who: Visitor) -> bool:
    """Whether a workspace runs; one that starts is waited for, until the Hub leads to its JupyterLab or it has failed."""
    state = who.call("GET", "/workspace")["state"]
    if state == "starting":
        while (state := who.call("GET", "/workspace")["state"]) == "starting":
            who.page.wait_for_timeout(200)
        if state == "running":
            who.open_lab()
    return bool(state == "running")


def open_spawn_form(who: Visitor) -> None:
    """The Hub may still be stopping the last workspace: its page then leads to the form by a button."""
    who.go(f"{who.address}/hub/spawn")
    form, again = who.page.locator("#spawn_form"), who.page.locator("#start")
    expect(form.or_(again)).to_be_visible()
    if again.is_visible():
        again.click()
    expect(form).to_be_visible()
