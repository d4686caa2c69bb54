"""The bound storage: the form that binds it once, and a browser of the bucket."""

from __future__ import annotations

from typing import Any

from trainyard.errors import NotFound
from trainyard.records.storage import BucketListing, Storage, StorageOffer

from trainyard_widgets.page import Page, View, action


class StoragePage(Page):
    """Bind a bucket, then look through it. ``query``: ``prefix`` is the folder shown, ``after`` the page in it."""

    bundle = "storage"

    def load(self) -> View:
        """The offer while nothing is bound, else one page of the folder."""
        try:
            storage = self.client.get("/storage", Storage)
        except NotFound:
            offer = self.client.get("/storage/offer", StorageOffer)
            return {"storage": None, "offer": offer.model_dump()}
        prefix, after = self.query.get("prefix", ""), self.query.get("after")
        listing = self.client.get("/bucket", BucketListing, prefix=prefix, after=after)
        return {"storage": storage.model_dump(mode="json"), "listing": listing.model_dump(mode="json"), "path": steps(prefix)}

    @action
    def bind(self, storage: dict[str, Any]) -> None:
        """Bind; the service writes, reads and deletes an object before it agrees."""
        self.client.post("/storage", Storage, storage)

    @action
    def rename(self, key: str, to: str) -> None:
        """Give an object another key."""
        self.client.post("/bucket/rename", object, {"key": key, "to": to})

    @action
    def delete(self, keys: list[str]) -> None:
        """Delete objects; a key that ends in a slash is a folder with all that is in it."""
        for key in keys:
            self.client.delete("/bucket/object", key=key)


def steps(prefix: str) -> list[dict[str, str]]:
    """The folders above and including ``prefix``: each with its name and its own prefix."""
    parts = [part for part in prefix.split("/") if part]
    return [{"name": part, "prefix": "/".join(parts[: number + 1]) + "/"} for number, part in enumerate(parts)]
