"""The viewer's own settings: language, password, and access tokens for command line and scripts."""

from __future__ import annotations

from typing import Any

from trainyard.records.accounts import AccessToken, Me, NewAccessToken
from trainyard.records.disk import DiskUse
from trainyard.words import LANGUAGES

from trainyard_widgets.page import Page, View, action


class AccountPage(Page):
    """Settings of the person who looks."""

    bundle = "account"
    topics = frozenset({"account", "usage", "dataset", "batch", "model"})

    def load(self) -> View:
        """Who is signed in, and their tokens."""
        me = self.client.get("/me", Me)
        disk = self.client.get("/usage/disk", DiskUse)
        return account_view(me, self.client.get("/tokens", list[AccessToken])) | {"disk": disk.model_dump(mode="json")}

    @action
    def choose_language(self, language: str) -> None:
        """Remember the language of pages, notices and mail."""
        if language in LANGUAGES:
            self.client.patch("/me", object, {"language": language})

    @action
    def change_password(self, old: str, new: str) -> None:
        """Change the password; the service checks both."""
        self.client.post("/me/password", object, {"old": old, "new": new})

    @action
    def make_token(self, name: str, days: int) -> dict[str, Any]:
        """Make a token; its secret is in this answer and nowhere else afterwards."""
        token = self.client.post("/tokens", AccessToken, {"name": name, "days": days})
        return token.model_dump(mode="json")

    @action
    def revoke_token(self, token: str) -> None:
        """End a token at once."""
        self.client.delete(f"/tokens/{token}")


def account_view(me: Me, tokens: list[AccessToken]) -> View:
    """The settings page's data; no secret is ever part of it."""
    field = NewAccessToken.model_fields["days"]
    return {
        "id": me.id,
        "name": me.name,
        "administrator": me.administrator,
        "language": me.language,
        "groups": [group.name for group in me.groups],
        "tokens": [token.model_dump(mode="json", exclude={"secret"}) for token in tokens],
        "days": field.default,
    }
