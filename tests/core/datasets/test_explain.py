"""Each broken line is told with its column, what stands there, the rule, and what to write instead, in both languages."""

from __future__ import annotations

import io
import json

import pytest
from trainyard.datasets.jsonlist import read_list
from trainyard.datasets.sample import Problem

NEW = '{"url":"a","label":[%s]}'
BOX = '{"url":"a","label":[{"name":"x","type":"detection","data":[%s]}]}'

BOX_OLD = '{"url":"a","detect":{"d":{"bbox":[%s]}}}'

FIELDS = [
    ('{"url":""}', '""', "url", "field-empty", "url is empty. Write where the picture lies"),
    ('{"url":7}', "7", "url", "field-type", "url is 7; it must be text. Write it in double quotes."),
    ('{"url":"a","type":"text"}', '"text"', "type", "field-choice", 'type is "text"; it must be one of: image, video.'),
    (NEW % "3", "3", "label[0]", "field-type", "label[0] is 3; it must be an object."),
    (NEW % '{"name":"x"}', '{"name":"x"}', "label[0]", "field-missing", "label[0] has no type. Add it"),
    (NEW % '{"name":"x","type":"box"}', '"box"', "label[0].type", "field-choice", "classification, detection, face"),
    (NEW % '{"name":"","type":"face"}', '"",', "label[0].name", "label-set-name", 'is named ""'),
    ('{"url":"a","label":3}', "3", "label", "field-type", "label is 3; it must be a list of label sets."),
    (BOX % '{"class":"a","bbox":[[1,2]]}', "[[1,2]]", "label[0].data[0].bbox", "box-points", "at least two points"),
    (BOX % '{"class":"a","bbox":[[1,2],[3]]}', "[3]", "label[0].data[0].bbox[1]", "point", "a point has two numbers"),
    (BOX % '{"class":"a","bbox":[1,2,3,4]}', "1,2", "label[0].data[0].bbox[0]", "field-type", "Write [[10, 20], [110, 220]]"),
    (BOX % '{"class":"a","bbox":[["b",2],[3,4]]}', '"b"', "label[0].data[0].bbox[0][0]", "field-type", "must be a number"),
    (BOX % '{"class":"a"}', '{"class":"a"}', "label[0].data[0]", "box-missing", "has no bbox"),
    (BOX % '{"class":"a","index":1.5}', "1.5", "label[0].data[0].index", "field-type", "a whole number"),
    (BOX % '{"class":"a","score":1e999}', "1e999", "label[0].data[0].score", "number", "too large"),
    (BOX % '{"class":"a","bbox":[[1,2],[3,"inf"]]}', '"inf"', "label[0].data[0].bbox[1][1]", "number", "is Infinity; it"),
    (BOX % '{"class":"a","bbox":[[1,2],[3,4]],"score":"nan"}', '"nan"', "label[0].data[0].score", "number", "is NaN; it"),
    (BOX % '{"bbox_score":"nan"}', '"nan"', "label[0].data[0].bbox_score", "number", "a finite number"),
    (BOX % '{"polygon":[[1,2],[3,4],["nan",5]]}', '"nan"', "label[0].data[0].polygon[2][0]", "number", "a finite number"),
    (BOX % '{"landmarks":[{"index":0,"pt":[1,"inf"]}]}', '"inf"', "label[0].data[0].landmarks[0].pt[1]", "number", "Infinity"),
    (BOX % '{"cluster":{"id":"p","score":"-inf"}}', '"-inf"', "label[0].data[0].cluster.score", "number", "-Infinity"),
    ('{"url":"a","detect":{"d":{"bbox":[{"pts":[[1,2],["nan",4]]}]}}}', '"nan"', "detect.d.bbox[0].pts[1][0]", "number", "NaN"),
    (BOX_OLD % '{"score":"nan","pts":[[1,2],[3,4]]}', '"nan"', "detect.d.bbox[0].score", "number", "is NaN"),
    ('{"url":"a","class":{"p":"b","q.r":["x"]}}', '["x"]', "class.q.r", "field-type", 'class.q.r is ["x"]; it must be text'),
    ('{"url":"a","detect":{"d":{},"e":[]}}', "[]", "detect.e", "field-type", "detect.e is []; it must be an object"),
    ('{"url":"a","detect":{"d":{"bbox":[{"class":"b"}]}}}', '{"class', "detect.d.bbox[0]", "field-missing", "has no pts"),
    ('{"url":"a","detect":{"d":{"bbox":[{"pts":[[1,2],[3,4]]}]}}}', '{"pts', "detect.d.bbox[0]", "class-missing", "no class"),
    ('{"url":"a","class":{"p":"b\\u0001"}}', '"b\\u0001"', "class.p", "class-control", "control characters"),
]  # fmt: skip

SYNTAX = [
    ('{"url":"a",}', "}", "Delete the comma."),
    ("{'url':'a'}", "'url", "double quotes"),
    ('{"url" "a"}', '"a', "A colon is missing"),
    ('{"url":"a" "type":"image"}', '"type', "A comma or } is missing here."),
    ('{"url":"a","label":[1 2]}', "2", "A comma or ] is missing here."),
    ('{"url":"a"} x', "x", "Write one object a line"),
    ('{"url":"C:\\pictures"}', "p", "Write a backslash as two"),
    ('{"url":007}', "07", "without leading zeros"),
    ('{"url":NaN}', "N", "This character cannot stand here."),
]


def problem(text: str) -> Problem:
    (found,) = read_list(io.BytesIO(text.encode()))
    assert isinstance(found, Problem), found
    return found


@pytest.mark.parametrize(("line", "at", "field", "code", "words"), FIELDS)
def test_a_field_is_named_with_its_value_and_the_rule(line: str, at: str, field: str, code: str, words: str) -> None:
    found = problem(line)
    assert (found.field, found.code) == (field, code)
    assert words in found.text()
    assert line[found.column - 1 :].startswith(at)


@pytest.mark.parametrize(("line", "at", "words"), SYNTAX)
def test_a_slip_in_the_json_is_named_with_its_remedy(line: str, at: str, words: str) -> None:
    found = problem(line)
    assert words in found.text()
    assert line[found.column - 1 :].startswith(at)


@pytest.mark.parametrize("line", [case[0] for case in FIELDS] + [case[0] for case in SYNTAX])
def test_the_reason_is_chinese_where_chinese_is_read(line: str) -> None:
    words = problem(line).text("zh")
    assert any("\u4e00" <= letter <= "\u9fff" for letter in words)
    assert "Expected" not in words


@pytest.mark.parametrize("line", ["[]", '"x"', "{}", '{"uri":"a"}'])
def test_a_line_that_is_no_object_with_a_url_is_shown_with_an_example(line: str) -> None:
    text = problem(line).text()
    assert f"The line is {line.replace(':', ': ')}; it must be one object with a url." in text


def test_a_long_value_is_cut() -> None:
    assert len(problem(json.dumps({"url": ["x" * 500]})).text()) < 200


def test_a_number_of_thousands_of_digits_is_a_problem_and_not_an_end() -> None:
    assert problem('{"url":%s}' % ("9" * 5000)).text() == "url is a number too large to be stored. Write a smaller one."
