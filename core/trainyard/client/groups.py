"""Groups, their quotas and members."""

from __future__ import annotations

from collections.abc import Iterator

from trainyard.client.transport import Transport, given, segment
from trainyard.records.accounts import Group, NewGroup, Quota
from trainyard.records.storage import BucketEntry, ShareListing


class Groups(Transport):
    """``/groups`` and ``/default-quota``."""

    def groups(self) -> list[Group]:
        """The caller's groups; all of them for an administrator."""
        return self.many(Group, "groups")

    def group(self, group: str) -> Group:
        """One group with its members and what they use."""
        return self.one(Group, "GET", f"groups/{segment(group)}")

    def share_files(self, group: str, path: str = "") -> Iterator[BucketEntry]:
        """Everything directly in the folder ``path`` of a group's share; pages are asked for as they are needed."""
        after: str | None = None
        while True:
            page = self.one(ShareListing, "GET", f"shares/{segment(group)}/files", params=given(path=path, after=after))
            yield from page.entries
            if (after := page.after) is None:
                return

    def create_group(self, new: NewGroup) -> Group:
        """Make a group with its share."""
        return self.one(Group, "POST", "groups", json=new)

    def set_quota(self, group: str, quota: Quota) -> Group:
        """What the group may use at once."""
        return self.one(Group, "PUT", f"groups/{segment(group)}/quota", json=quota)

    def add_member(self, group: str, account: int, quota: Quota | None = None) -> Group:
        """Put somebody into the group; with ``quota`` the part of it that they may use."""
        body = {} if quota is None else {"quota": quota.model_dump(mode="json")}
        return self.one(Group, "PUT", f"groups/{segment(group)}/members/{account}", json=body)

    def remove_member(self, group: str, account: int) -> Group:
        """Take somebody out; what they run with its share ends in ten minutes."""
        return self.one(Group, "DELETE", f"groups/{segment(group)}/members/{account}")

    def default_quota(self) -> Quota:
        """What a new group may use when nobody says otherwise; administrators only."""
        return self.one(Quota, "GET", "default-quota")

    def set_default_quota(self, quota: Quota) -> Quota:
        """Change it; groups that are there already keep theirs."""
        return self.one(Quota, "PUT", "default-quota", json=quota)
