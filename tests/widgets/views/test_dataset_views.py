"""What the pages about datasets draw, from records alone."""

from __future__ import annotations

from typing import Any

import pytest
from trainyard.formats.registry import FORMATS
from trainyard.records.base import Page, Person
from trainyard.records.datasets import Dataset, DatasetState, Format, LabelSetSummary, ListProblem, SampleView, Statistics
from trainyard.records.examinations import Bins, Examination, SizeTable
from trainyard_widgets.views.batches import batch_view, pairs
from trainyard_widgets.views.datasets import list_query, list_view, refusals
from trainyard_widgets.views.examination import examination_view, running_view, trimmed
from trainyard_widgets.views.formats import BOXES_ONLY, refused_formats
from trainyard_widgets.views.samples import place_of_line, sample_view
from trainyard_widgets.views.statistics import chart, class_colours, in_order, statistics_view

from .records import a_batch, a_dataset, a_label_set, a_set


def test_the_url_chooses_tab_sort_and_page() -> None:
    asked = list_query({"tab": "public", "sort": "name", "page": "3", "search": "猫"})
    assert asked == {"visibility": "public", "search": "猫", "sort": "name", "offset": 40, "limit": 20}


def test_a_url_that_makes_no_sense_shows_the_first_page_of_mine() -> None:
    asked = list_query({"tab": "../etc", "sort": "owner; drop", "page": "-1"})
    assert (asked["visibility"], asked["sort"], asked["offset"]) == ("mine", "-created", 0)


def test_an_empty_search_says_so_and_an_empty_tab_says_which() -> None:
    nothing: Page[Dataset] = Page(items=[], total=0)
    assert list_view(nothing, list_query({"search": "x"}), "en")["empty"] == "nothing-found"
    assert list_view(nothing, list_query({"tab": "group"}), "en")["empty"] == "group"


def test_a_used_dataset_says_who_uses_it_when_it_cannot_be_deleted() -> None:
    refused = refusals(a_dataset(used_by=["training cats of Bob"]), "en")
    assert "training cats of Bob" in refused["delete"]
    assert "share" not in refused


def test_somebody_elses_dataset_names_its_owner_where_it_cannot_be_changed() -> None:
    refused = refusals(a_dataset(may_change=False, owner=Person(id=9, name="Bob")), "zh")
    assert "Bob" in refused["change"]
    assert refused["change"] == refused["delete"] == refused["share"]


def test_a_dataset_in_the_making_can_be_deleted_but_not_formatted() -> None:
    refused = refusals(a_dataset(state=DatasetState.CREATING), "en")
    assert "delete" not in refused
    assert refused["format"]


def test_detection_is_counted_in_objects_and_classification_in_pictures() -> None:
    boxes = LabelSetSummary(
        name="road", type="detection", images=5, objects=9, classes={"car": 4, "dog": 2}, objects_by_class={"car": 7, "dog": 2}
    )
    whole = LabelSetSummary(name="pulp", type="classification", images=3, objects=0, classes={"a": 1, "b": 2})
    assert [(bar["class"], bar["count"], bar["images"]) for bar in chart(boxes)["bars"]] == [("car", 7, 4), ("dog", 2, 2)]
    assert chart(whole)["counted"] == "images"
    assert chart(boxes)["imbalance"] == 3.5


def test_numbered_classes_stand_in_number_order_and_others_by_count() -> None:
    assert in_order({"10": 1, "9": 5, "0": 3}) == ["0", "9", "10"]
    assert in_order({"b": 1, "a": 1, "c": 9}) == ["c", "a", "b"]


def test_a_chart_of_nothing_has_no_bars() -> None:
    empty = LabelSetSummary(name="pulp", type="classification", images=0, objects=0, classes={})
    assert chart(empty)["bars"] == []


def test_problems_beyond_those_kept_are_counted() -> None:
    problem = ListProblem(line=3, column=9, field="url", reason="missing")
    statistics = Statistics(
        lines=9, images=4, videos=0, objects=0, unlabelled=0, label_sets=[], problems_total=5, problems=[problem]
    )
    view = statistics_view(statistics)
    assert view is not None
    assert (view["problems"][0]["line"], view["problems_hidden"]) == (3, 4)


def test_a_class_keeps_its_colour_in_every_label_set() -> None:
    first = LabelSetSummary(name="a", type="detection", images=1, objects=1, classes={"dog": 1}, objects_by_class={"dog": 1})
    second = LabelSetSummary(name="b", type="classification", images=1, objects=0, classes={"cat": 1, "dog": 1})
    assert class_colours([first, second]) == {"cat": 0, "dog": 1}


def test_a_box_of_any_number_of_points_is_drawn_by_its_extent() -> None:
    labels = [{"name": "road", "type": "detection", "data": [{"class": "car", "bbox": [[9, 20], [1, 2], [5, 30]]}]}]
    view = sample_view(SampleView(line=1, url="s3://b/a/猫 1.jpg", picture="p", labels=labels))
    box = view["boxes"][0]
    assert (box["left"], box["top"], box["width"], box["height"]) == (1.0, 2.0, 8.0, 28.0)
    assert view["name"] == "猫 1.jpg"


def test_a_class_of_the_whole_picture_is_a_tag_with_its_score() -> None:
    labels = [{"name": "pulp", "type": "classification", "data": [{"class": "normal", "score": 0.9}]}]
    view = sample_view(SampleView(line=1, url="a", picture="p", labels=labels))
    assert view["tags"] == [{"set": "pulp", "class": "normal", "score": 0.9}]
    assert view["boxes"] == []


def test_training_and_validation_set_of_one_format_are_a_pair() -> None:
    sets = [a_set("train"), a_set("val"), a_set("train", form=Format.LMDB)]
    assert pairs(sets) == {"recordio"}


def test_a_batch_has_a_row_for_each_format_with_training_first_in_it() -> None:
    sets = [a_set("val"), a_set("train", form=Format.LMDB), a_set("train")]
    rows = batch_view(a_batch(sets), "en")["rows"]
    assert [(row["format"], row["paired"], [one["letter"] for one in row["sets"]]) for row in rows] == [
        ("recordio", True, ["T", "V"]),
        ("lmdb", False, ["T"]),
    ]


def test_a_format_that_cannot_hold_the_labels_says_why() -> None:
    refused = refused_formats([a_label_set("detection", "road"), a_label_set("classification", "pulp")], "zh")
    assert refused["detection.road"] == {}
    assert set(refused["classification.pulp"]) == set(refused["none"]) == {"roidb"}
    assert "框" in refused["none"]["roidb"]


def test_the_formats_for_boxes_only_are_those_of_the_registry() -> None:
    assert {name for name, one in FORMATS.items() if one.accepts == {"boxes"}} == set(BOXES_ONLY)


@pytest.mark.parametrize(("line", "place"), [(1, 0), (2, 0), (3, 1), (7, 2), (99, 3)])
def test_a_line_is_found_where_it_stands_or_the_next_one_after_it(line: int, place: int) -> None:
    lines = [2, 3, 7, 90]
    assert place_of_line(line, len(lines), lines.__getitem__) == place


def test_an_outline_and_landmarks_are_drawn_too() -> None:
    entry = {
        "class": "car",
        "bbox": [[0, 0], [9, 9]],
        "polygon": [[0, 0], [9, 0], [4, 9]],
        "landmarks": [{"index": 0, "pt": [3, 4]}],
    }
    labels = [{"name": "road", "type": "detection", "data": [entry | {"difficult": True}]}]
    box = sample_view(SampleView(line=1, url="a", picture="p", labels=labels))["boxes"][0]
    assert (len(box["polygon"]), box["points"], box["difficult"]) == (3, [[3.0, 4.0]], True)


def an_examination(**changes: Any) -> Examination:
    """Six pictures, one of them missing and one broken."""
    edges = [1.0, 100.0, 200.0, 400.0, 800.0, 1000.0, 1200.0, 1400.0, 1600.0]
    counts = [[0, 1, 0, 0, 0, 0, 0, 0, 3], *([0] * 9 for _ in range(8))]
    sizes = SizeTable(width_edges=edges, height_edges=edges, counts=counts)
    return Examination(state="done", pictures=6, missing=1, broken=1, bytes=400, sizes=sizes).model_copy(update=changes)


def test_an_examination_tells_the_average_picture_and_what_its_lists_leave_out() -> None:
    view = examination_view(an_examination())
    assert view is not None
    assert (view["readable"], view["problems_hidden"]) == (4, 2)
    assert view["average"] == {"bytes": 100.0, "width": 50.5, "height": 1537.5}


def test_empty_rows_and_columns_at_the_rim_of_the_map_are_left_out_but_for_a_few() -> None:
    view = examination_view(an_examination())
    assert view is not None
    assert view["sizes"]["width_edges"] == [1, 100, 200, 400, 800, 1000, 1200, 1400]
    assert view["sizes"]["height_edges"] == [100, 200, 400, 800, 1000, 1200, 1400, 1600, None]
    assert [row[0] for row in view["sizes"]["counts"]] == [1, 0, 0, 0, 0, 0, 0, 3]


def test_a_last_bin_without_an_end_has_none() -> None:
    assert trimmed(Bins(edges=[0, 0.5, 1], counts=[0, 2, 1])) == {"edges": [0, 0.5, 1, None], "counts": [0, 2, 1]}


def test_a_look_under_way_shows_how_far_it_is_and_what_the_last_one_found() -> None:
    found = an_examination(state="running")
    assert examination_view(found) is not None
    assert running_view(found) == {"state": "running", "progress": None}
    assert running_view(an_examination()) is None


def test_nothing_is_drawn_of_pictures_nobody_looked_at() -> None:
    assert examination_view(Examination(state="none")) is None
    assert running_view(Examination(state="none")) is None


def test_a_running_batch_can_be_cancelled_and_a_failed_one_resumed() -> None:
    assert batch_view(a_batch([], state="running"), "en")["actions"] == ["cancel"]
    assert batch_view(a_batch([], state="failed"), "en")["actions"] == ["resume", "delete"]
    assert batch_view(a_batch([], state="finished"), "en")["actions"] == ["delete"]


def test_somebody_elses_batch_offers_nothing() -> None:
    assert batch_view(a_batch([], state="running"), "en", may_change=False)["actions"] == []


def test_a_batch_in_use_names_its_users_once() -> None:
    sets = [a_set("train", used_by=["cats"]), a_set("val", used_by=["cats"])]
    assert batch_view(a_batch(sets), "en")["refused"]["delete"].count("cats") == 1
