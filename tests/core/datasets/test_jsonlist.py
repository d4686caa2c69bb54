"""The list reader takes both schemas line by line and names the place of what is wrong."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trainyard.datasets.jsonlist import read_list, write_list
from trainyard.datasets.sample import Problem, Sample

NEW = '{"url":"a.jpg","type":"image","label":[{"name":"pulp","type":"classification","version":"1","data":[{"class":"x"}]}]}'
OLD = '{"url":"a.jpg","label":{"class":{"pulp":"x"},"detect":{"d":{"bbox":[{"class":"dog","pts":[[1,2],[9,8]]}]}}}}'


def read(text: str | bytes, limit: int = 1 << 20) -> list[Sample | Problem]:
    return list(read_list(io.BytesIO(text.encode() if isinstance(text, str) else text), limit))


def one(text: str | bytes) -> Sample:
    (found,) = read(text)
    assert isinstance(found, Sample), found
    return found


def problem(text: str | bytes) -> Problem:
    (found,) = read(text)
    assert isinstance(found, Problem), found
    return found


def boxed(bbox: object, **more: object) -> str:
    entry = {"class": "dog", "bbox": bbox} | more
    return json.dumps({"url": "a", "type": "image", "label": [{"name": "g", "type": "detection", "data": [entry]}]})


def test_new_schema_is_read() -> None:
    assert one(NEW).labels[0].key == "classification.pulp"


def test_old_schema_becomes_label_sets() -> None:
    assert [labels.key for labels in one(OLD).labels] == ["classification.pulp", "detection.d"]


def test_schemas_may_be_mixed_in_one_file() -> None:
    assert [type(found) for found in read(f"{NEW}\n{OLD}\n")] == [Sample, Sample]


def test_old_class_beside_the_label_object_is_read() -> None:
    assert one('{"url":"a","class":{"pulp":"x"}}').labels[0].data[0].class_name == "x"


def test_empty_old_class_means_not_labelled() -> None:
    assert one('{"url":"a","label":{"class":{"pulp":""}}}').labels == ()


def test_facecluster_becomes_a_face_label_set() -> None:
    assert one('{"url":"a","label":{"facecluster":"p-1"}}').labels[0].key == "face.face"


def test_byte_order_mark_crlf_and_blank_lines_are_passed_over() -> None:
    assert [found.line for found in read(b"\xef\xbb\xbf" + NEW.encode() + b"\r\n\r\n" + OLD.encode() + b"\r\n")] == [1, 3]


def test_numbers_as_strings_are_numbers() -> None:
    assert one(boxed([["1", "2"], [3, "4.5"]])).labels[0].data[0].extent() == (1, 2, 3, 4.5)


def test_whole_numbers_are_class_names() -> None:
    assert one('{"url":"a","class":{"digit":7}}').labels[0].data[0].class_name == "7"


def test_classes_are_compared_in_normal_form_c() -> None:
    assert one('{"url":"a","class":{"x":"e\u0301"}}').labels[0].data[0].class_name == "\u00e9"


def test_a_class_called_like_its_label_set_is_held_to_the_rules_of_classes() -> None:
    line = '{"url":"a","class":{"e\u0301":"e\u0301"}}\n'
    assert [found.labels[0].data[0].class_name for found in read(line * 3)] == ["\u00e9"] * 3
    long = json.dumps({"url": "a", "class": {"x" * 300: "y"}}) + "\n" + json.dumps({"url": "a", "class": {"y": "x" * 300}})
    assert [getattr(found, "code", "") for found in read(long)] == ["", "class-too-long"]


def test_label_sets_are_compared_in_normal_form_c() -> None:
    assert one('{"url":"a","class":{"e\u0301":"x"}}').labels[0].key == "classification.\u00e9"


@pytest.mark.parametrize("before", ["", NEW + "\n"])
def test_label_sets_of_one_name_on_one_line_are_one(before: str) -> None:
    sets = [{"name": "pulp", "type": "classification", "data": [{"class": name}]} for name in ("x", "y", "x")]
    (labels,) = read(before + json.dumps({"url": "a", "label": sets}))[-1].labels
    assert [entry.class_name for entry in labels.data] == ["x", "y", "x"]
    old = '{"url":"a","class":{"pulp":"x"},"label":{"class":{"pulp":"y"}}}'
    (labels,) = read(before + old)[-1].labels
    assert [entry.class_name for entry in labels.data] == ["y", "x"]


@pytest.mark.parametrize("points", [2, 3, 4, 5])
def test_boxes_of_two_to_five_points_count_by_their_extent(points: int) -> None:
    corners = [[9, 8], [1, 2], [9, 2], [1, 8], [5, 5]][:points]
    assert one(boxed(corners)).labels[0].data[0].extent() == (1, 2, 9, 8)


def test_box_of_one_point_is_a_problem_with_its_column() -> None:
    text = boxed([[1, 2]])
    assert problem(text).column == text.index("[[1, 2]]") + 1


def test_trailing_comma_is_a_problem_at_its_column() -> None:
    assert (problem('{"url":"中",}').code, problem('{"url":"中",}').column) == ("json", 12)


def test_broken_line_does_not_stop_the_reading() -> None:
    found = read(f"{{\n{NEW}\n")
    assert isinstance(found[0], Problem)
    assert isinstance(found[1], Sample)


def test_wrong_type_names_the_field() -> None:
    assert problem('{"url":"a","type":"text"}').field == "type"


def test_missing_url_is_a_problem() -> None:
    assert "url" in problem('{"type":"image"}').text()


def test_box_without_class_is_a_problem() -> None:
    assert problem(boxed([[1, 2], [3, 4]], **{"class": ""})).code == "class-missing"


@pytest.mark.parametrize("number", ['"nan"', '"inf"'])
def test_numbers_that_are_not_finite_are_problems(number: str) -> None:
    assert problem(boxed([[1, 2], [3, 4]]).replace("[1,", f"[{number},")).code == "number"


def test_bare_nan_is_a_problem() -> None:
    assert problem(boxed([[1, 2], [3, 4]]).replace("[1,", "[NaN,")).code == "json"


def test_line_that_is_not_utf8_is_a_problem_at_its_column() -> None:
    assert problem(b'{"url":"ab\xff"}').column == 11


def test_line_above_the_limit_is_passed_over() -> None:
    found = read(b'{"url":"' + b"x" * 5000 + b'"}\n' + NEW.encode(), limit=1000)
    assert [type(one) for one in found] == [Problem, Sample]


def test_deep_nesting_is_a_problem() -> None:
    assert problem(b'{"zz":' + b"[" * 100_000 + b"]" * 100_000 + b"}").code == "json"


def test_reason_is_translated() -> None:
    assert problem('{"url":"a","type":"text"}').text("zh") != problem('{"url":"a","type":"text"}').text("en")


def test_writer_writes_what_the_reader_reads() -> None:
    sample = one(OLD)
    file = io.BytesIO()
    write_list(file, [sample])
    assert one(file.getvalue()) == sample


@given(st.binary(max_size=300))
def test_any_bytes_give_samples_or_problems(data: bytes) -> None:
    assert all(isinstance(found, Sample | Problem) for found in read(data))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["url", "type", "label", "class", "detect", "bbox", "pts", "data", "name"]), inner)
    ),
    max_leaves=25,
)


@given(JSON, st.sampled_from(["label", "class", "detect", "type", "url", "facecluster"]))
def test_any_json_in_any_field_gives_a_sample_or_a_problem_on_its_line(value: object, field: str) -> None:
    (found,) = read(json.dumps({"url": "a", "type": "image"} | {field: value}))
    assert isinstance(found, Sample) or found.line == 1
