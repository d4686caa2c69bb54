"""What the pages about datasets draw, from records alone."""

from __future__ import annotations

from trainyard.records.base import Page, Person
from trainyard.records.datasets import Dataset, DatasetState, Format, LabelSetSummary, ListProblem, SampleView, Statistics
from trainyard_widgets.views.batches import batch_view, pairs
from trainyard_widgets.views.datasets import list_query, list_view, refusals
from trainyard_widgets.views.samples import sample_view
from trainyard_widgets.views.statistics import chart, class_colours, in_order, statistics_view

from .records import a_batch, a_dataset, a_set


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


def test_rows_of_a_batch_stand_format_by_format_training_first() -> None:
    sets = [a_set("val"), a_set("train", form=Format.LMDB), a_set("train")]
    rows = batch_view(a_batch(sets), "en")["rows"]
    assert [(row["format"], row["letter"], row["paired"]) for row in rows] == [
        ("recordio", "T", True),
        ("recordio", "V", True),
        ("lmdb", "T", False),
    ]


def test_a_running_batch_can_be_cancelled_and_a_failed_one_resumed() -> None:
    assert batch_view(a_batch([], state="running"), "en")["actions"] == ["cancel"]
    assert batch_view(a_batch([], state="failed"), "en")["actions"] == ["resume", "delete"]
    assert batch_view(a_batch([], state="finished"), "en")["actions"] == ["delete"]


def test_somebody_elses_batch_offers_nothing() -> None:
    assert batch_view(a_batch([], state="running"), "en", may_change=False)["actions"] == []


def test_a_batch_in_use_names_its_users_once() -> None:
    sets = [a_set("train", used_by=["cats"]), a_set("val", used_by=["cats"])]
    assert batch_view(a_batch(sets), "en")["refused"]["delete"].count("cats") == 1
