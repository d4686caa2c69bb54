"""``trainyard apply``: the Hub's sign-up form from a terminal; nobody is signed in yet, so no API of the service is open."""

from __future__ import annotations

import re
from html import unescape

import httpx

from trainyard.errors import Invalid, Unavailable
from trainyard.records.accounts import Application
from trainyard.words import N_

_ERROR = re.compile(r'class="ty-(?:field|hub)-error"[^>]*>(.*?)</p>', re.DOTALL)


def apply(address: str, application: Application) -> None:
    """Send ``application`` to the platform at ``address``.

    Raises:
        Invalid: it was refused, with the form's sentence. Unavailable: the platform does not answer.
    """
    cookies = {"trainyard_language": application.language}
    form = f"{address.rstrip('/')}/hub/signup"
    try:
        with httpx.Client(cookies=cookies, trust_env=False, timeout=30) as http:
            http.get(form).raise_for_status()
            password = {"password": application.password, "password_again": application.password}
            fields = application.model_dump(include={"name", "email", "affiliation", "reason"})
            answer = http.post(form, data={**fields, **password, "_xsrf": http.cookies.get("_xsrf") or ""})
    except httpx.HTTPError as error:
        raise Unavailable(
            "not-reachable",
            N_("The platform at {url} does not answer: {reason}."),
            hint=N_("Check the address, and whether it is running (`make run`)."),
            url=address,
            reason=str(error) or type(error).__name__,
        ) from error
    if refused := _ERROR.search(answer.text):
        raise Invalid("application-refused", N_("The application was refused: {reason}"), reason=unescape(refused[1]).strip())
    if answer.is_error:
        sentence = N_("The application was refused: {reason}")
        raise Invalid("application-refused", sentence, reason=f"HTTP {answer.status_code}")
