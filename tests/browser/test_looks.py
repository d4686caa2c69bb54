"""Every page in both languages, wide and narrow, full and empty: drawn without an error, nothing wider than the window."""

from __future__ import annotations

import pytest

from .conftest import People
from .running import RunningPlatform
from .visitor import PHONE, WIDE

PAGES = ("datasets", "dataset", "dataset-pictures", "trainings", "training_new", "monitor", "models")
EMPTY = ("datasets", "trainings", "training_new", "models")


@pytest.mark.parametrize("width", [WIDE, PHONE])
@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", PAGES)
def test_a_full_page_fits_its_window(
    people: People, own_dataset: str, training: str, name: str, language: str, width: int
) -> None:
    place = {
        "dataset": f"dataset?id={own_dataset}",
        "dataset-pictures": f"dataset?id={own_dataset}&tab=pictures",
        "monitor": f"monitor?id={training}",
    }.get(name, name)
    people.ana.speak(language)
    people.ana.open(place)
    people.ana.shoot(f"full-{name}", width)
    people.ana.speak("en")


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", EMPTY)
def test_an_empty_page_says_what_to_do_next(people: People, name: str, language: str) -> None:
    people.eve.speak(language)
    page = people.eve.open(name)
    assert page.locator("#ty-root .ty-empty").count() or page.locator("#ty-root .ty-dataset-sets").count()
    people.eve.shoot(f"empty-{name}")
    people.eve.speak("en")


@pytest.mark.parametrize("place", ["datasets", "monitor?id=0123456789abcdef", "models", "console?id=0123456789abcdef"])
def test_nobody_sees_a_page_without_signing_in(platform: RunningPlatform, people: People, place: str) -> None:
    context = people.eve.context.browser.new_context()  # type: ignore[union-attr]
    page = context.new_page()
    page.goto(f"{platform.address}/services/pages/{place}")
    assert page.locator("#username_input").is_visible()
    context.close()
