"""Administration: who wants in, who is there, which group may use how much, who uses what, who did what, and the machine."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from pydantic import TypeAdapter
from trainyard.errors import Invalid
from trainyard.jobs.launch import Finding
from trainyard.names import resource_name
from trainyard.records.accounts import Account, AuditEntry, Group, Me, Quota
from trainyard.records.base import Page as Listing
from trainyard.records.disk import AccountDeletion, DiskUse
from trainyard.records.hours import BookedHours
from trainyard.records.jobs import Package, Usage
from trainyard.records.resources import Cluster, NewCluster, NewPackage
from trainyard.records.storage import AllowedHosts
from trainyard.words import N_

from trainyard_widgets.forms import filled_in
from trainyard_widgets.page import Page, View, action

PAGE = 50
REST_OF_USAGE = 5.0
"""Seconds: a month's hours are a sum over all its starts, and every job that starts or ends changes them."""
TABS = ("inbox", "people", "groups", "resources", "usage", "hosts", "audit", "machine")


class AdminPage(Page):
    """The administrator's page. ``query``: ``tab``, ``search``, ``offset``, ``who``, ``action``, ``month``, ``device``."""

    bundle = "admin"
    topics = frozenset({"account", "group", "usage", "job", "workspace"})
    _findings: list[Finding] | None = None

    def load(self) -> View:
        """The data of the chosen tab; every tab knows how many people wait."""
        tab = self.query.get("tab", "inbox")
        me = self.client.get("/me", Me)
        view: View = {"tab": tab if tab in TABS else "inbox", "me": me.id, "waiting": me.applications_waiting}
        if not me.administrator:
            return {**view, "refused": True}
        return {**view, **getattr(self, f"_load_{view['tab']}")()}

    def rest(self) -> float:
        """Usage is counted again every few seconds at most, however many jobs start and end."""
        return REST_OF_USAGE if self.query.get("tab") == "usage" else 0.0

    @action
    def approve(self, account: int, group: str | None = None) -> None:
        """Let somebody in, into a group or without one."""
        self.client.post(f"/accounts/{account}/approve", object, {"group": group})

    @action
    def refuse(self, account: int, reason: str) -> None:
        """Refuse an application; the applicant reads the reason at the sign-in and in a mail."""
        self.client.post(f"/accounts/{account}/refuse", object, {"reason": reason})

    @action
    def block(self, account: int) -> None:
        """Block somebody: signed out, workspace and jobs stop at once."""
        self.client.post(f"/accounts/{account}/block", object)

    @action
    def unblock(self, account: int) -> None:
        """Let a blocked person in again."""
        self.client.post(f"/accounts/{account}/unblock", object)

    @action
    def set_administrator(self, account: int, administrator: bool) -> None:
        """Make somebody an administrator, or not any more."""
        self.client.post(f"/accounts/{account}/administrator", object, {"administrator": administrator})

    @action
    def set_password(self, account: int, new: str) -> None:
        """Give somebody a new password; their sessions end."""
        self.client.post(f"/accounts/{account}/password", object, {"new": new})

    @action
    def make_group(self, name: str, description: str, quota: dict[str, Any]) -> None:
        """Make a group with its quota."""
        self.client.post("/groups", object, {"name": name, "description": description, "quota": quota})

    @action
    def set_default_quota(self, quota: dict[str, Any]) -> None:
        """Change what new groups get; groups that are there keep theirs."""
        self.client.put("/default-quota", object, quota)

    @action(reloads=False)
    def deletion(self, account: int) -> dict[str, Any]:
        """What deleting an account would take away and leave."""
        return self.client.get(f"/accounts/{account}/deletion", AccountDeletion).model_dump(mode="json")

    @action
    def delete_account(self, account: int) -> None:
        """Delete an account; what groups use stays."""
        self.client.delete(f"/accounts/{account}")

    @action(reloads=False)
    def measure_disk(self) -> None:
        """Measure shares and homes now."""
        self.client.post("/usage/disk/measure", object)

    @action
    def set_quota(self, group: str, quota: dict[str, Any]) -> None:
        """Change what a group may use at once."""
        self.client.put(f"/groups/{quoted(group)}/quota", object, quota)

    @action
    def set_member(self, group: str, account: int, quota: dict[str, Any] | None = None) -> None:
        """Add somebody to a group, or change what of its quota they may use."""
        self.client.put(f"/groups/{quoted(group)}/members/{account}", object, {"quota": quota} if quota else {})

    @action
    def remove_member(self, group: str, account: int) -> None:
        """Take somebody out of a group; what they run there ends after ten minutes."""
        self.client.delete(f"/groups/{quoted(group)}/members/{account}")

    @action
    def allow_host(self, host: str) -> None:
        """Let pictures and buckets lie on one more host of the private network.

        Raises:
            Invalid: nothing is named, or it is allowed already.
        """
        if not host.strip():
            raise Invalid("host-missing", N_("Write a host, an address or a network."), field="hosts")
        before = self._hosts()
        if self._set_hosts([*before, host], before) == before:
            raise Invalid("host-known", N_("{host} is allowed already."), field="hosts", host=host.strip())

    @action
    def forbid_host(self, host: str) -> None:
        """Take a host back; what is being read from it now goes on."""
        before = self._hosts()
        self._set_hosts([one for one in before if one != host], before)

    def _hosts(self) -> list[str]:
        return self.client.get("/allowed-hosts", AllowedHosts).hosts

    def _set_hosts(self, hosts: list[str], seen: list[str]) -> list[str]:
        return self.client.put("/allowed-hosts", AllowedHosts, {"hosts": hosts, "seen": seen}).hosts

    def _load_hosts(self) -> View:
        return {"hosts": self._hosts()}

    def _load_inbox(self) -> View:
        page = self.client.get("/accounts", Listing[Account], state="applied", limit=200)
        groups = self.client.get("/groups", list[Group])
        return {"applications": [account_view(account) for account in page.items], "groups": [group.name for group in groups]}

    def _load_people(self) -> View:
        offset = int(self.query.get("offset", "0") or 0)
        page = self.client.get("/accounts", Listing[Account], search=self.query.get("search"), offset=offset, limit=PAGE)
        groups = self.client.get("/groups", list[Group])
        people = {"items": [account_view(account) for account in page.items], "total": page.total, "offset": offset}
        return {"people": people, "groups": [group.name for group in groups], "page": PAGE}

    def _load_groups(self) -> View:
        groups = self.client.get("/groups", list[Group])
        people = self.client.get("/accounts", Listing[Account], state="active", limit=500)
        chosen = self.query.get("group")
        detail = self.client.get(f"/groups/{quoted(chosen)}", Group) if chosen else None
        return {
            "groups": [group.model_dump(mode="json") for group in groups],
            "group": detail.model_dump(mode="json") if detail else None,
            "people": [{"id": account.id, "name": account.name} for account in people.items],
            "default_quota": self.client.get("/default-quota", Quota).model_dump(),
        }

    @action
    def put_package(self, name: str, package: dict[str, Any]) -> str:
        """Declare a resource package; the answer says what the machine has not enough of for it, if anything."""
        new = filled_in(TypeAdapter(NewPackage), package)
        return self.client.put(f"/packages/{resource_name(name)}", Package, new).why_not

    @action
    def delete_package(self, name: str) -> None:
        """Offer a package no more."""
        self.client.delete(f"/packages/{quoted(name)}")

    @action
    def put_cluster(self, name: str, cluster: dict[str, Any]) -> None:
        """Declare a virtual cluster."""
        self.client.put(f"/clusters/{resource_name(name)}", object, filled_in(TypeAdapter(NewCluster), cluster))

    @action
    def delete_cluster(self, name: str) -> None:
        """Give its share back to the rest of the machine."""
        self.client.delete(f"/clusters/{quoted(name)}")

    @action
    def set_guarantee(self, group: str, guarantee: dict[str, Any]) -> None:
        """Change what a group gets before anybody borrows."""
        self.client.put(f"/groups/{quoted(group)}/guarantee", object, guarantee)

    def _load_resources(self) -> View:
        usage = self.client.get("/usage", Usage)
        return {
            "packages": [one.model_dump() for one in self.client.get("/packages", list[Package], all=True)],
            "clusters": [one.model_dump(mode="json") for one in self.client.get("/clusters", list[Cluster])],
            "groups": [one.model_dump(mode="json") for one in self.client.get("/groups", list[Group])],
            "device_types": [one.model_dump() for one in usage.devices],
            "capacity": usage.capacity.model_dump(),
            "hours": usage.training_hours,
        }

    def _load_usage(self) -> View:
        usage = self.client.get("/usage", Usage)
        return {
            "usage": usage.model_dump(mode="json", exclude={"machine"}),
            "groups": [group.model_dump(mode="json") for group in self.client.get("/groups", list[Group])],
            "disk": self.client.get("/usage/disk", DiskUse).model_dump(mode="json"),
            "hours": self.client.get("/usage/hours", BookedHours, month=self.query.get("month")).model_dump(mode="json"),
        }

    def _load_audit(self) -> View:
        offset = int(self.query.get("offset", "0") or 0)
        who, done = self.query.get("who"), self.query.get("action")
        page = self.client.get("/audit", Listing[AuditEntry], who=who, action=done, offset=offset, limit=PAGE)
        return {"audit": page.model_dump(mode="json"), "page": PAGE}

    @action
    def examine(self) -> None:
        """Examine the machine again."""
        self._findings = self.client.get("/findings", list[Finding])

    def _load_machine(self) -> View:
        if self._findings is None:  # examining takes a moment, and nothing of it changes by itself
            self.examine()
        usage = self.client.get("/usage", Usage)
        return {
            "machine": usage.machine,
            "capacity": usage.capacity.model_dump(),
            "used": usage.used.model_dump(),
            "findings": [finding.model_dump() for finding in self._findings or ()],
        }


def account_view(account: Account) -> View:
    """One person as a row."""
    return account.model_dump(mode="json", exclude={"uid"})


def quoted(name: str) -> str:
    """``name`` as one segment of a path."""
    return quote(name, safe="")
