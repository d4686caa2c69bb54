"""Lines of a ModelArts manifest stand among lines of ours, and the boxes of their VOC files come into the list."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trainyard.datasets.folder import PICTURES
from trainyard.datasets.importers.beside import VocFiles, resolve_manifest
from trainyard.datasets.jsonlist import read_list
from trainyard.datasets.sample import Entry, Problem, Sample

from .archives import box, jpeg, voc_object, voc_xml

DETECTION = "modelarts/object_detection"


def read(line: dict[str, Any]) -> Sample | Problem:
    (found,) = read_list(io.BytesIO(json.dumps(line).encode()))
    return found


def sample(annotation: list[Any], **more: Any) -> Sample:
    found = read({"source": "obs://bucket/图/1.jpg", "annotation": annotation, **more})
    assert isinstance(found, Sample), found
    return found


def boxed(feature: Any) -> list[Entry]:
    one = {"type": DETECTION, "name": "dog", "property": {"@modelarts:feature": feature}}
    return list(sample([one]).labels[0].data)


def test_a_picture_of_obs_is_read_from_the_bucket() -> None:
    assert sample([]).url == "s3://bucket/图/1.jpg"


def test_usage_hard_and_id_are_kept() -> None:
    assert sample([], usage="TRAIN", hard=True, id="7").extra == {"uid": "7", "usage": "TRAIN", "hard": True}


def test_several_labels_by_entries_and_by_the_separator() -> None:
    found = sample([{"name": "cat\u0001dog"}, {"type": "modelarts/image_classification", "name": "emu"}])
    assert [entry.class_name for entry in found.labels[0].data] == ["cat", "dog", "emu"]


@pytest.mark.parametrize("key", ["annotated-by", "annotated_by"])
def test_confidence_is_the_score_and_people_tell_the_truth(key: str) -> None:
    (entry,) = sample([{"name": "cat", "confidence": 0.8, key: "human/anna"}]).labels[0].data
    assert (entry.score, entry.ground_truth) == (0.8, True)


def test_boxes_circles_and_outlines_in_the_line() -> None:
    assert boxed([[1, 2], [9, 8]])[0].extent() == (1, 2, 9, 8)
    assert boxed([5, 6, 2])[0].extent() == (3, 4, 7, 8)
    assert boxed([[0, 0], [4, 0], [4, 4]])[0].polygon == ((0, 0), (4, 0), (4, 4))


@pytest.mark.parametrize(
    ("line", "field", "words"),
    [
        ({"source": "content://hello"}, "source", "only pictures can be samples"),
        ({"source": 7}, "source", "only pictures can be samples"),
        ({"source": "a", "annotation": 3}, "annotation", "must be a list of objects"),
        ({"source": "a", "annotation": [3]}, "annotation[0]", "must be a list of objects"),
        ({"source": "a", "annotation": [{"type": "modelarts/text_triplet"}]}, "annotation[0].type", "can be read"),
        ({"source": "a", "annotation": [{"type": DETECTION, "name": "x"}]}, "annotation[0].property", "give a box"),
        ({"source": "a", "annotation": [{"type": DETECTION, "annotation-loc": "x"}]}, "annotation[0].annotation-loc", "VOC"),
    ],
)
def test_what_is_no_sample_is_told_in_both_languages(line: dict[str, Any], field: str, words: str) -> None:
    found = read(line)
    assert isinstance(found, Problem)
    assert (found.field, words in found.text()) == (field, True)
    assert any("\u4e00" <= letter <= "\u9fff" for letter in found.text("zh"))


def resolved(folder: Path, place: str) -> list[Sample | Problem]:
    """A manifest on a share with an annotation file at ``place``, between two of our own lines."""
    line = {"source": "1.jpg", "annotation": [{"type": DETECTION, "annotation_loc": place}]}
    path = folder / "index.jsonl"
    path.write_text("\n" + '{"url": "a"}\n' + json.dumps(line) + '\n\n{"url": "b",}\n')
    resolve_manifest(path, VocFiles(folder, folder / "list.manifest", ""), lambda: False)
    with path.open("rb") as file:
        return list(read_list(file))


def test_a_voc_file_beside_the_list_comes_into_its_line_and_lines_keep_their_numbers(tmp_path: Path) -> None:
    (tmp_path / "annotation").mkdir()
    (tmp_path / "annotation/1.xml").write_text(voc_xml("猫", "dog"))
    found = resolved(tmp_path, "annotation/1.xml")
    assert [one.line for one in found] == [2, 3, 5]
    assert isinstance(found[1], Sample)
    assert [entry.class_name for entry in found[1].labels[0].data] == ["猫", "dog"]


@pytest.mark.parametrize("place", ["gone.xml", "../away.xml", "link.xml", "/etc/passwd", "broken.xml"])
def test_a_voc_file_that_is_not_there_or_leads_away_is_told_with_its_line(tmp_path: Path, place: str) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    (tmp_path / "away.xml").write_text(voc_xml("a"))
    (inner / "broken.xml").write_text("<annotation>")
    (inner / "link.xml").symlink_to("../away.xml")
    found = resolved(inner, place)[1]
    assert isinstance(found, Problem)
    assert (found.line, found.code) == (3, "manifest-loc")


def boxes_of(files: VocFiles, told: tuple[int, int], place: Path, url: str = "v/1.jpg") -> Any:
    """The box of a VOC file that says the size of its picture."""
    size = f"<size><width>{told[0]}</width><height>{told[1]}</height></size>"
    (place / "1.xml").write_text(f"<annotation>{size}{voc_object('dog', box())}</annotation>")
    return [entry["bbox"] for entry in files.boxes(url, "1.xml")]


@pytest.mark.parametrize("where", ["beside the list", "in the archive"])
@pytest.mark.parametrize(("told", "expected"), [((30, 40), [[2, 21], [8, 29]]), ((40, 30), [[1, 2], [9, 8]])])
def test_boxes_of_a_voc_file_are_turned_with_a_picture_that_exif_turns_unless_it_names_the_stored_size(
    tmp_path: Path, where: str, told: tuple[int, int], expected: Any
) -> None:
    top = tmp_path / PICTURES if where == "in the archive" else tmp_path
    (top / "v").mkdir(parents=True)
    (top / "v" / "1.jpg").write_bytes(jpeg(40, 30, 6))
    files = VocFiles(tmp_path, None if where == "in the archive" else tmp_path / "a.manifest", "")
    ((first, second),) = boxes_of(files, told, top)
    assert [list(map(pytest.approx, first)), list(map(pytest.approx, second))] == expected


@pytest.mark.parametrize("url", ["gone.jpg", "../1.jpg", "https://a.example/1.jpg", "s3://b/1.jpg", "text.jpg"])
def test_boxes_of_a_picture_that_cannot_be_had_are_left_as_they_are(tmp_path: Path, url: str) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    (tmp_path / "1.jpg").write_bytes(jpeg(40, 30, 6))
    (inner / "text.jpg").write_text("no picture")
    assert boxes_of(VocFiles(inner, inner / "a.manifest", ""), (30, 40), inner, url) == [((1, 2), (9, 8))]


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "name", "property", "@modelarts:feature", "annotation-loc", "confidence"]), inner
        )
    ),
    max_leaves=15,
)


@given(JSON, st.sampled_from(["annotation", "source", "usage", "hard"]))
def test_any_json_in_any_field_gives_a_sample_or_a_problem(value: object, field: str) -> None:
    assert isinstance(read({"source": "a", "annotation": []} | {field: value}), Sample | Problem)
