"""What the graph's page draws, from records alone."""

from __future__ import annotations

from typing import Any

from trainyard.records.datasets import DatasetDetail, LabelSetSummary
from trainyard.records.graphs import GraphPreview, GraphTemplate, PreviewPicture, PreviewSample, TemplateVisibility
from trainyard_widgets.views.graph import label_sets_view, preview_view, template_view

from .records import ANA, THEN, a_dataset


def a_picture(labels: list[dict[str, Any]], ops: str = "") -> PreviewPicture:
    return PreviewPicture(data="data:image/jpeg;base64,", width=400, height=300, labels=labels, ops=ops)


def shown(picture: PreviewPicture, **colours: int) -> dict[str, Any]:
    """``picture`` as the page draws it."""
    sample = PreviewSample(line=3, url="s3://bucket/街/a.jpg", before=picture, after=[], outputs=0)
    before: dict[str, Any] = preview_view(GraphPreview(node="in", samples=[sample]), colours)["samples"][0]["before"]
    return before


def test_classes_come_as_pairs_the_most_frequent_first() -> None:
    labels = LabelSetSummary(name="pulp", type="classification", images=12, objects=0, classes={"cat": 3, "dog": 9})
    detail = DatasetDetail(**a_dataset(label_sets=[labels]).model_dump())
    assert label_sets_view(detail)[0]["key"] == "classification.pulp"
    assert label_sets_view(detail)[0]["classes"] == [["dog", 9], ["cat", 3]]


def test_a_class_of_the_whole_picture_is_a_tag_and_no_box() -> None:
    picture = shown(a_picture([{"name": "time", "type": "classification", "data": [{"class": "夜"}]}]))
    assert picture["tags"] == [{"set": "time", "class": "夜"}]
    assert picture["boxes"] == []


def test_a_box_of_two_points_has_four_corners_and_its_class_s_colour() -> None:
    entry = {"class": "car", "bbox": [[30, 40], [10, 20]]}
    box = shown(a_picture([{"name": "road", "type": "detection", "data": [entry]}]), car=5)["boxes"][0]
    assert box["corners"] == [[10, 20], [30, 20], [30, 40], [10, 40]]
    assert box["colour"] == 5


def test_landmarks_and_outlines_are_drawn_where_they_are() -> None:
    entry = {"bbox": [[0, 0], [9, 9]], "landmarks": [{"pt": [4, 5]}], "polygon": [[1, 1], [8, 1], [4, 8]]}
    box = shown(a_picture([{"name": "faces", "type": "face", "data": [entry]}]))["boxes"][0]
    assert box["points"] == [[4.0, 5.0]]
    assert box["outline"] == [[1.0, 1.0], [8.0, 1.0], [4.0, 8.0]]


def test_a_sample_is_called_by_its_file_and_says_what_left_the_node() -> None:
    after = [a_picture([]), a_picture([], "augment(flop)")]
    sample = PreviewSample(line=3, url="s3://bucket/街/a.jpg", before=None, after=after, outputs=7, error="It is broken.")
    drawn = preview_view(GraphPreview(node="n", samples=[sample]), {})["samples"][0]
    assert (drawn["name"], drawn["before"], drawn["outputs"], drawn["error"]) == ("a.jpg", None, 7, "It is broken.")
    assert [picture["ops"] for picture in drawn["after"]] == ["", "augment(flop)"]


def test_a_template_names_its_owner_and_no_more_of_him() -> None:
    template = GraphTemplate(
        id="1" * 16, name="double", description="", visibility=TemplateVisibility.PRIVATE, group=None,
        graph={"version": 1, "nodes": [], "edges": []}, owner=ANA, created=THEN, may_change=True,
    )  # fmt: skip
    assert template_view(template)["owner"] == "安娜"
