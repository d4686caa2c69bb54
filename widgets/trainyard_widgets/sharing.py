"""What both pages about datasets may do with who sees one: groups by its owner, everybody by administrators."""

from __future__ import annotations

from urllib.parse import quote

from trainyard.records.datasets import Dataset

from trainyard_widgets.page import Page, action


class SharingPage(Page):
    """A page with datasets that can be shared."""

    @action
    def share(self, dataset: str, group: str) -> None:
        """Let every member of ``group`` use it."""
        self.client.put(f"/datasets/{dataset}/shares/{_part(group)}", Dataset)

    @action
    def unshare(self, dataset: str, group: str) -> None:
        """Take a share back."""
        self.client.delete(f"/datasets/{dataset}/shares/{_part(group)}")

    @action
    def publish(self, dataset: str) -> None:
        """Let everybody use it; the service allows that to administrators only."""
        self.client.put(f"/datasets/{dataset}/public", Dataset)

    @action
    def unpublish(self, dataset: str) -> None:
        """Take it back from everybody; shares with groups stay."""
        self.client.delete(f"/datasets/{dataset}/public")


def _part(name: str) -> str:
    """``name`` as one part of a path."""
    return quote(name, safe="")
