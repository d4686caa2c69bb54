"""Booked and idle hours on the administrator's page: a bar and a row for everybody, other months, a file; no platform."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect
from trainyard.quotas.hours import Month
from trainyard.records.accounts import Quota, Use
from trainyard.records.base import Person
from trainyard.records.disk import DiskUse
from trainyard.records.hours import BookedHours, HoursRow
from trainyard.records.jobs import Usage
from trainyard.words import messages

from .by_hand import ByHand
from .visitor import PHONE, RULES, WIDE

TODAY = datetime(2029, 3, 20, tzinfo=UTC)
ANNA = Person(id=1, name="安娜")
ROWS = [
    HoursRow(group="vision", device="cpu", holds=4, booked=120, measured=100, idle=25),
    HoursRow(group="vision", device="A100", holds=1, booked=1234.5, measured=1200, idle=300),
    HoursRow(group="speech", device="A100", booked=0.25, measured=0, idle=0),
]


def told(*rows: HoursRow, month: str = "2026-03") -> dict[str, Any]:
    """The view of the tab with these hours."""
    begin, people = Month.named(month).begin, [row.model_copy(update={"person": ANNA}) for row in rows if row.group == "vision"]
    kept = datetime(2026, 2, 3, 8, 0, tzinfo=UTC)
    hours = BookedHours(month=month, begin=begin, end=begin, kept_since=kept, groups=list(rows), people=people)
    return {
        "tab": "usage", "me": 1, "waiting": 0, "groups": [],
        "usage": Usage(capacity=Quota(), used=Use(), rows=[]).model_dump(mode="json"),
        "disk": DiskUse(measured=None, groups=[], people=[]).model_dump(mode="json"),
        "hours": hours.model_dump(mode="json"),
    }  # fmt: skip


@pytest.fixture
def form(chromium: Browser) -> Iterator[ByHand]:
    by_hand = ByHand(chromium, "admin", at=TODAY, query={"tab": "usage"}, view=told(*ROWS))
    expect(by_hand.page.get_by_role("table", name="Booked and idle hours")).to_be_visible()
    yield by_hand
    by_hand.page.close()


def rows_of(form: ByHand) -> list[list[str]]:
    found = form.page.get_by_role("table", name="Booked and idle hours").locator("tbody tr")
    return [row.locator("td").all_inner_texts() for row in found.all()]


def test_cards_come_first_and_everybody_has_a_row_with_the_idle_share(form: ByHand) -> None:
    assert rows_of(form) == [
        ["vision", "1", "1,235 h", "300 h", "25%", "35 h"],
        ["安娜", "1", "1,235 h", "300 h", "25%", "35 h"],
        ["speech", "0", "0.25 h", "–", "–", "0.25 h"],
    ]


def test_seconds_are_told_as_more_than_nothing(form: ByHand) -> None:
    form.push(view=told(HoursRow(group="speech", device="cpu", booked=0.0047, measured=0.004, idle=0)))
    expect(form.page.get_by_role("table", name="Booked and idle hours").get_by_role("cell", name="< 0.01 h")).to_have_count(2)


def test_another_device_and_another_month_are_asked_for_by_the_address(form: ByHand) -> None:
    form.page.get_by_label("Device").select_option("processor cores (core hours)")
    form.wait_for_query("device", "cpu")
    assert [row[2] for row in rows_of(form)] == ["120 h", "120 h"]
    form.page.get_by_label("Month").select_option("February 2026")
    form.wait_for_query("month", "2026-02")


def test_every_month_since_hours_are_kept_can_be_chosen(form: ByHand) -> None:
    months = form.page.get_by_label("Month").get_by_role("option").all_inner_texts()
    assert (months[0], months[-1], len(months)) == ("March 2029", "February 2026", 38)


def test_all_devices_are_in_the_file(form: ByHand, tmp_path: Path) -> None:
    with form.page.expect_download() as download:
        form.page.get_by_role("button", name="CSV").click()
    assert download.value.suggested_filename == "hours-2026-03.csv"
    download.value.save_as(tmp_path / "hours.csv")
    lines = (tmp_path / "hours.csv").read_text(encoding="utf-8-sig").splitlines()
    assert lines[0] == "month,group,person,device,holds,booked_hours,measured_hours,idle_hours"
    assert "2026-03,vision,安娜,A100,1,1234.5,1200,300" in lines
    assert len(lines) == 1 + 5


def test_a_month_with_nothing_says_so_and_offers_the_others(form: ByHand) -> None:
    form.push(view=told(month="2026-02"))
    expect(form.page.get_by_text("Nothing was booked in February 2026")).to_be_visible()
    expect(form.page.get_by_text("Kept since:")).to_be_visible()
    expect(form.page.get_by_role("button", name="CSV")).to_be_disabled()
    expect(form.page.get_by_label("Month").get_by_role("option", name="March 2026")).to_have_count(1)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("width", [PHONE, WIDE])
def test_it_is_readable_on_a_phone_and_in_both_languages(chromium: Browser, language: str, width: int) -> None:
    words = messages("trainyard_widgets", language)
    form = ByHand(chromium, "admin", query={"tab": "usage"}, view=told(*ROWS), language=language, words=words)
    form.page.set_viewport_size({"width": width, "height": 900})
    title = {"en": "Booked and idle hours", "zh": "占用与空闲时长"}[language]
    card = form.page.locator(".ty-card", has=form.page.get_by_role("heading", name=title))
    expect(card).to_be_visible()
    assert form.page.evaluate("document.documentElement.scrollWidth") <= width
    assert [one for one in form.page.evaluate(RULES) if "language" not in one] == []
    form.page.close()
