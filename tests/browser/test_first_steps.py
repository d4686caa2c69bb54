"""What the first page tells somebody new to do; no platform, the test is the service."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, expect
from trainyard.records.accounts import Me
from trainyard_widgets.overview import overview_view

from .by_hand import ByHand

ANA: dict[str, Any] = {
    "id": 2, "name": "Ana", "administrator": False, "restricted": False, "language": "en", "groups": [], "storage": None,
    "unread_notices": 0, "applications_waiting": 0, "next_step": "join-group",
}  # fmt: skip


@pytest.mark.parametrize(("storage", "button"), [(None, "Connect storage"), ("u2", "Make a dataset")])
def test_who_waits_for_a_group_is_offered_what_can_be_done_without_one(
    chromium: Browser, storage: str | None, button: str
) -> None:
    view = overview_view(Me.model_validate(ANA | {"storage": storage}), None, None, None)
    by_hand = ByHand(chromium, "overview", view=view)
    step = by_hand.page.locator(".ty-next")
    expect(step.get_by_role("heading")).to_have_text("Ask for a group")
    expect(step.get_by_role("link")).to_have_text(button)
    by_hand.page.close()
