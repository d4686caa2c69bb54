"""In which language a request is answered."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection
from trainyard.words import preferred_language


def language_of(connection: HTTPConnection) -> str:
    """The cookie ``trainyard_language`` if it names one of ours, else ``Accept-Language``, else English."""
    chosen = connection.cookies.get("trainyard_language")
    return preferred_language(connection.headers.get("accept-language", ""), chosen)


async def _language(connection: HTTPConnection) -> str:
    return language_of(connection)


LanguageDep = Annotated[str, Depends(_language)]
