"""Applying for an account: the one call that needs no token, answered by the Hub, which guards it as it guards its forms."""

from __future__ import annotations

import ssl

import httpx

from trainyard.client.transport import Transport, refusal
from trainyard.connection import Connection
from trainyard.records.accounts import Application


def apply(address: str, application: Application) -> None:
    """Send ``application`` to the platform at ``address``; an administrator decides.

    Raises:
        UserError: it was refused; ``field`` says what of it. Unavailable: the platform does not answer.
    """
    form = f"{address.rstrip('/')}/hub/signup"
    cookies = {"trainyard_language": application.language}
    trusted = ssl.create_default_context() if form.startswith("https:") else True
    try:
        with httpx.Client(cookies=cookies, trust_env=False, timeout=30, verify=trusted) as http:
            http.get(form).raise_for_status()
            fields = application.model_dump(include={"name", "email", "affiliation", "reason", "password"})
            secret = {"password_again": application.password, "_xsrf": http.cookies.get("_xsrf") or ""}
            answer = http.post(form, data={**fields, **secret}, headers={"Accept": "application/json"})
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Transport(Connection(address, ""), application.language).away(error) from error
    if answer.is_error:
        raise refusal(answer.text, answer.status_code)
