"""Notices: a row on the page always, and a mail where SMTP is set; both in the reader's language.

Mails go out after the commit, in a thread of their own: a slow or dead mail server delays nobody and loses no notice.
"""

from __future__ import annotations

import logging
import smtplib
import ssl
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from typing import Any

from sqlalchemy.orm import Session
from trainyard.records.accounts import Notice
from trainyard.words import N_, translate

from trainyard_service.database.tables.accounts import AccountRow, NoticeRow
from trainyard_service.events import Audience, announce
from trainyard_service.settings import Settings

log = logging.getLogger(__name__)
SUBJECT = N_("Trainyard: a notice for you")
_PENDING = "trainyard_mails"
_SECONDS = 20


def send(session: Session, account_id: int, message: str, *, link: str = "", **values: Any) -> None:
    """Leave a notice; ``message`` is an English sentence marked with ``N_``, ``values`` are what its placeholders stand for."""
    row = NoticeRow(account_id=account_id, message=message, message_values=values, link=link)
    session.add(row)
    session.flush()
    announce(session, "notice", row.id, Audience.of(account_id, administrators=False))
    person = session.get(AccountRow, account_id)
    if person is not None:
        mail(session, person.email, person.language, translate(message, person.language, **values), link)


def mail(session: Session, address: str, language: str, text: str, link: str = "") -> None:
    """Send a mail after the commit, if there is an address (and SMTP is set)."""
    if address:
        session.info.setdefault(_PENDING, []).append((address, language, text, link))


def view(row: NoticeRow, language: str) -> Notice:
    """A notice in the reader's language."""
    text = translate(row.message, language, **row.message_values)
    return Notice(id=row.id, at=row.at, text=text, link=row.link, read=row.read)


class Post:
    """Sends the mails that transactions left, one after the other."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._sender = ThreadPoolExecutor(1, thread_name_prefix="mail")

    def after_commit(self, session: Session) -> None:
        """Hook of ``Database``."""
        pending = session.info.pop(_PENDING, [])
        if self._settings.smtp_host:
            for letter in pending:
                self._sender.submit(self._deliver, *letter)

    def close(self) -> None:
        """Send what waits, then stop."""
        self._sender.shutdown(wait=True)

    def _deliver(self, address: str, language: str, text: str, link: str) -> None:
        settings, message = self._settings, EmailMessage()
        message["From"], message["To"] = settings.smtp_from, address
        message["Subject"] = translate(SUBJECT, language)
        message.set_content(f"{text}\n\n{settings.public_url}{link}\n")
        try:
            with self._connect() as server:
                server.send_message(message)
        except (OSError, smtplib.SMTPException) as error:
            log.warning("mail not sent", extra={"reason": str(error)})

    def _connect(self) -> smtplib.SMTP:
        settings = self._settings
        if settings.smtp_security == "tls":
            context = ssl.create_default_context()
            server: smtplib.SMTP = smtplib.SMTP_SSL(settings.smtp_host, settings.smtp_port, timeout=_SECONDS, context=context)
        else:
            server = smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=_SECONDS)
            if settings.smtp_security == "starttls":
                server.starttls(context=ssl.create_default_context())
        if settings.smtp_user and settings.smtp_password_file:
            server.login(settings.smtp_user, settings.smtp_password_file.read_text(encoding="utf-8").strip())
        return server
