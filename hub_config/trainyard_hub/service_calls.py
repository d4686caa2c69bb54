"""What the Hub asks the service: who signs in, who applies, and who is still welcome."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from trainyard.errors import UserError
from trainyard.words import N_

from trainyard_hub.language import current_language

TIMEOUT = 10.0


class ServiceRefusal(Exception):
    """The service's own sentence, already in the person's language, with its HTTP status."""

    def __init__(self, status: int, code: str, text: str, field: str | None = None) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.text = text
        self.field = field


@dataclass(frozen=True)
class ServiceCalls:
    """The internal half of the service's REST interface; ``address`` ends in ``/api/v1``."""

    address: str
    token_file: Path

    async def login(self, name: str, password: str, address: str) -> dict[str, Any]:
        """Who signs in with this name and password.

        Raises:
            ServiceRefusal: wrong, waiting for approval, blocked, or too many attempts.
        """
        return await self._ask("POST", "/internal/login", {"name": name, "password": password, "address": address})

    async def apply(self, application: dict[str, Any]) -> None:
        """Hand in an application for an account.

        Raises:
            ServiceRefusal: the name or the password breaks a rule; ``field`` says which.
        """
        await self._ask("POST", "/internal/applications", application)

    async def account(self, hub_name: str) -> dict[str, Any]:
        """The account behind a Hub user, as it stands now."""
        return await self._ask("GET", f"/internal/accounts/{hub_name}")

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        token = self.token_file.read_text(encoding="ascii").strip()
        headers = {"Authorization": f"Bearer {token}", "Accept-Language": current_language()}
        try:
            async with httpx.AsyncClient(timeout=TIMEOUT, trust_env=False) as client:
                answer = await client.request(method, f"{self.address}{path}", json=body, headers=headers)
        except httpx.HTTPError as error:
            raise _unavailable() from error
        return _content(answer)


def _content(answer: httpx.Response) -> dict[str, Any]:
    if answer.status_code >= 500 and answer.status_code != 503:
        raise _unavailable()
    content: dict[str, Any] = answer.json() if answer.content else {}
    if answer.is_error:
        error = content.get("error", {})
        text = " ".join(part for part in (error.get("message"), error.get("hint")) if part)
        raise ServiceRefusal(answer.status_code, error.get("code", ""), text, error.get("field"))
    return content


def _unavailable() -> ServiceRefusal:
    sentence = UserError(
        "service-unavailable",
        N_("The platform's service does not answer just now."),
        hint=N_("It is restarted by itself; try again in a few seconds."),
    )
    language = current_language()
    return ServiceRefusal(503, sentence.code, f"{sentence.text(language)} {sentence.hint_text(language)}")
