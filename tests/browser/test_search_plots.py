"""The plots of a search: what their axes are stands there, and on a phone no word lies on another; no platform."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Browser, expect
from trainyard.records.base import Person
from trainyard.records.searches import Importances, NewSearch, Search, SearchState, Trial, TrialState
from trainyard_widgets.views.searches import detail_view

from tests.widgets.views.records import THEN

from .by_hand import ByHand
from .visitor import PHONE, WIDE

SPACE = {
    "optimizer.lr": {"kind": "float", "low": 1e-4, "high": 1, "log": True},
    "layers": {"kind": "int", "low": 1, "high": 4},
    "optimizer.kind": {"kind": "choice", "values": ["sgd", "adam"]},
}
TAG = "accuracy/validation"


def view(importances: Importances = Importances(trials=3)) -> dict[str, Any]:
    objective = {"tag": TAG, "direction": "maximize"}
    training = {"name": "t", "group": "vision", "image": "workspace:1", "package": "1Core2G", "entry": "true"}
    asked = NewSearch.model_validate({"training": training, "space": SPACE, "objective": objective})
    values = [{"optimizer.lr": 10.0**-one, "layers": one, "optimizer.kind": "sgd"} for one in (1, 2, 3)]
    trials = [
        Trial(
            number=at, state=TrialState.COMPLETE, parameters=chosen, value=0.3 * at, training=None, name=f"t{at}",
            created=THEN, ended=THEN, best=at == 3,
        )
        for at, chosen in enumerate(values, 1)
    ]  # fmt: skip
    search = Search(
        id="s" * 16, name="shades", description="", owner=Person(id=1, name="安娜"), group="vision", state=SearchState.FINISHED,
        asked=asked, counts={TrialState.COMPLETE: 3}, total=3, best=trials[-1], created=THEN, ended=THEN, deadline=None,
        may_change=True,
    )  # fmt: skip
    return detail_view(search, trials, importances, "en") | {"groups": ["vision"]}


@pytest.mark.parametrize("width", [PHONE, WIDE])
def test_axes_have_their_names_side_by_side(chromium: Browser, width: int) -> None:
    form = ByHand(chromium, "searches", query={"id": "s" * 16})
    form.page.set_viewport_size({"width": width, "height": 900})
    form.push(view=view())
    names = form.page.locator(".ty-plot-name")
    expect(names).to_have_count(len(SPACE) + 1)
    ends = sorted((box["x"], box["x"] + box["width"]) for name in names.all() if (box := name.bounding_box()) is not None)
    assert all(before[1] < after[0] for before, after in pairwise(ends))
    history = form.page.locator("svg[aria-label*='by trial']")
    for words in (TAG, "trial"):
        expect(history.get_by_text(words, exact=True)).to_be_visible()
    form.page.close()


def test_a_chosen_word_stands_without_quotation_marks(chromium: Browser) -> None:
    form = ByHand(chromium, "searches", query={"id": "s" * 16}, view=view())
    expect(form.page.get_by_text("sgd, adam")).to_be_visible()
    expect(form.page.get_by_text('"sgd"')).to_have_count(0)
    form.page.close()


def test_where_no_parameter_is_known_to_decide_it_says_why(chromium: Browser) -> None:
    form = ByHand(chromium, "searches", query={"id": "s" * 16})
    form.push(view=view(Importances(trials=3, why_not="Importances need 4 complete trials; there are 3.")))
    expect(form.page.get_by_role("heading", name="Not known yet")).to_be_visible()
    expect(form.page.get_by_text("there are 3.")).to_be_visible()
    form.page.close()


def test_an_accuracy_is_a_percentage_in_the_plots_and_in_the_table(chromium: Browser) -> None:
    form = ByHand(chromium, "searches", query={"id": "s" * 16})
    form.push(view=view())
    expect(form.page.locator(".ty-tile", has_text="Best (highest)")).to_contain_text("90%")
    expect(form.page.locator("table tbody tr").first).to_contain_text("30%")
    expect(form.page.locator("svg[aria-label$='the best so far is 90%']")).to_contain_text("80%")
    form.page.close()
