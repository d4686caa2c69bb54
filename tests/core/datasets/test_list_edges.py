"""What lists get wrong: nothing is lost silently, nothing is held in memory, nothing leads out of its folder."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from trainyard.datasets.folder import DatasetFolder
from trainyard.datasets.importers.prefix import Place, make_list
from trainyard.datasets.importers.report import read_report
from trainyard.datasets.jsonlist import to_wire
from trainyard.datasets.sample import Sample
from trainyard.datasets.sources import FolderSource, PictureProblem, Sources
from trainyard.datasets.statistics import Statistics
from trainyard.errors import UserError

from .archives import jpeg, zip_of


def counted(folder: Path, *lines: Any) -> Statistics:
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    (folder / "index.jsonl").write_text(text)
    return DatasetFolder(folder).prepare()


def detection(**entry: Any) -> dict[str, Any]:
    return {"url": "a", "label": [{"name": "g", "type": "detection", "data": [{"class": "dog", **entry}]}]}


def first(folder: Path) -> Sample:
    return DatasetFolder(folder).index().page(0, 1)[0]


def test_an_empty_list_and_one_of_blank_lines_are_refused(tmp_path: Path) -> None:
    for text in ("", "\n \n"):
        with pytest.raises(UserError, match="empty"):
            counted(tmp_path, text)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le"])
def test_a_list_in_a_wide_encoding_is_refused_by_its_name_with_the_way_out(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "index.jsonl").write_bytes('{"url": "猫.jpg"}\n'.encode(encoding))
    with pytest.raises(UserError, match=f"written in {encoding[:6].upper()}.*read as UTF-8") as refused:
        DatasetFolder(tmp_path).prepare()
    assert (refused.value.code, refused.value.field) == ("list-encoding", "source")


@pytest.mark.parametrize(
    ("data", "kind"),
    [(gzip.compress(b"{}"), "gzip"), (zip_of({}), "zip"), (jpeg(), "JPG"), (b"Rar!\x1a\x07\0", "RAR"), (b"<?xml ?>", "XML")],
    ids=["gzip", "zip", "JPG", "RAR", "XML"],
)
def test_a_file_that_is_no_text_is_refused_as_what_it_is(tmp_path: Path, data: bytes, kind: str) -> None:
    (tmp_path / "index.jsonl").write_bytes(data)
    with pytest.raises(UserError, match=f"The list is a file of type {kind}") as refused:
        DatasetFolder(tmp_path).prepare()
    assert (refused.value.code, refused.value.field) == ("list-kind", "source")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[{"url": "a"}]', "one JSON array"),
        ('\ufeff[\n {\n  "url": "a"\n }\n]', "one JSON array"),
        ('{\n "url": "a"\n}', "spread over several lines"),
        ('{"images": [], "annotations": []}', "COCO"),
        ("url,label\na.jpg,cat\n", "table"),
        ("BMW,1\n", "table"),
        ("{'url': 'a'}", "Correct the list"),
    ],
)
def test_a_text_that_is_another_thing_than_a_list_says_what_to_do_with_it(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UserError) as refused:
        counted(tmp_path, text)
    assert (refused.value.code, words in refused.value.hint) == ("list-without-samples", True)


def test_a_line_in_an_older_chinese_encoding_is_told_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "index.jsonl").write_bytes(b'{"url": "a"}\n' + '{"url": "中文"}\n'.encode("gbk"))
    (problem,) = DatasetFolder(tmp_path).prepare().problems
    assert (problem.line, problem.column, problem.code, problem.values) == (2, 10, "encoding", {"encoding": "GBK"})


@pytest.mark.parametrize("many", [1, 500], ids=["alone", "in a block of plain lines"])
def test_a_url_or_labels_named_twice_are_no_sample_and_nested_names_are_nothing_special(tmp_path: Path, many: int) -> None:
    twice = '{"url": "a", "label": [], "label": [{"name": "g", "type": "classification", "data": [{"class": "x"}]}]}'
    plain = ['{"url": "p", "label": [{"name": "label", "type": "classification", "data": [{"class": "url"}]}]}'] * many
    statistics = counted(tmp_path, *plain, twice, '{"url": "a", "url": "b"}')
    assert statistics.images == many
    assert [(one.line, one.column, one.field) for one in statistics.problems] == [
        (many + 1, 27, "label"),
        (many + 2, 14, "url"),
    ]


def test_one_sample_of_one_class_is_a_dataset(tmp_path: Path) -> None:
    statistics = counted(tmp_path, {"url": "a", "class": {"s": "x"}})
    assert (statistics.samples, list(statistics.label_sets[0].classes)) == (1, ["x"])


def test_a_line_of_fifty_megabytes_is_passed_over_in_flat_memory(tmp_path: Path) -> None:
    with (tmp_path / "index.jsonl").open("w") as file:
        file.write('{"url": "a"}\n{"url": "')
        for _ in range(50):
            file.write("x" * 1_000_000)
        file.write('"}\n{"url": "b"}\n')
    tracemalloc.start()
    statistics = DatasetFolder(tmp_path).prepare()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (statistics.samples, statistics.problems[0].line, statistics.problems[0].code) == (2, 2, "line-too-long")
    assert peak < 50_000_000


def test_urls_that_come_twice_stay_and_are_told(tmp_path: Path) -> None:
    statistics = counted(tmp_path, {"url": "a"}, {"url": "b"}, {"url": "a"}, {"url": "a"})
    assert statistics.images == 4
    assert [remark.count for remark in statistics.remarks] == [2]


def test_a_box_with_its_corners_in_any_order_counts_by_its_extent(tmp_path: Path) -> None:
    counted(tmp_path, detection(bbox=[[9, 8], [1, 2]]))
    assert first(tmp_path).labels[0].data[0].extent() == (1, 2, 9, 8)


def test_a_box_that_reaches_outside_stays_as_it_is(tmp_path: Path) -> None:
    counted(tmp_path, detection(bbox=[[-5, -5], [10_000, 8]]))
    assert first(tmp_path).labels[0].data[0].extent() == (-5, -5, 10_000, 8)


@pytest.mark.parametrize("score", ["NaN", "Infinity", '"nan"'])
def test_a_score_that_is_no_number_is_a_problem(tmp_path: Path, score: str) -> None:
    line = json.dumps(detection(bbox=[[1, 2], [3, 4]], score=0)).replace('"score": 0', f'"score": {score}')
    assert counted(tmp_path, {"url": "a"}, line).problems_total == 1


def test_an_outline_without_a_box_has_its_extent_and_is_kept(tmp_path: Path) -> None:
    counted(tmp_path, detection(polygon=[[1, 2], [9, 2], [9, 8]]))
    sample = first(tmp_path)
    assert sample.labels[0].data[0].bbox == ((1, 2), (9, 8))
    assert to_wire(sample)["label"][0].data[0].polygon == ((1, 2), (9, 2), (9, 8))


@pytest.mark.parametrize("polygon", [[[1, 2], [3, 4]], [[1, 2], [3, 4], [5]], "x", [["nan", 0], [1, 1], [2, 0]]])
def test_an_outline_that_is_none_is_a_problem(tmp_path: Path, polygon: Any) -> None:
    assert counted(tmp_path, {"url": "a"}, detection(polygon=polygon)).problems_total == 1


def test_paths_and_links_that_lead_out_are_missing_pictures(tmp_path: Path) -> None:
    share = tmp_path / "share"
    share.mkdir()
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    (share / "link.jpg").symlink_to("../secret.jpg")
    source = Sources(FolderSource({"": share, "/workspace/mnt/group/g": share}))
    for url in (
        "../secret.jpg",
        "link.jpg",
        "/workspace/mnt/group/g/../secret.jpg",
        "/workspace/mnt/group/g/link.jpg",
        "/etc/passwd",
    ):
        with pytest.raises(PictureProblem):
            source.read(url)


def below(folder: Path, target: Path) -> list[dict[str, Any]]:
    target.mkdir()
    make_list(target, Place(folder=folder), lambda done, total: None, lambda: False)
    return [json.loads(line) for line in (target / "index.jsonl").read_text().splitlines()]


def test_everything_below_a_folder_comes_in_one_order_without_hidden_files_and_links(tmp_path: Path) -> None:
    share = tmp_path / "share"
    for name in ("b/2.jpg", "b/10.jpg", "a.PNG", "clip.mov", ".hidden/1.jpg", "b/.x.jpg", "notes.txt", "__MACOSX/1.jpg"):
        (share / name).parent.mkdir(parents=True, exist_ok=True)
        (share / name).write_bytes(b"x")
    (share / "away").symlink_to("/usr")
    lines = below(share, tmp_path / "d")
    assert [(line["url"].removeprefix(f"{share}/"), line["type"]) for line in lines] == [
        ("a.PNG", "image"),
        ("b/10.jpg", "image"),
        ("b/2.jpg", "image"),
        ("clip.mov", "video"),
    ]
    told = read_report(tmp_path / "d")
    assert told is not None
    assert {(one.code, one.places[0]) for one in told.remarks} == {("linked", "away"), ("other-files", f"{share}/notes.txt")}


def test_a_file_whose_name_is_no_text_is_told_and_left_out(tmp_path: Path) -> None:
    (tmp_path / "share").mkdir()
    (tmp_path / "share/1.jpg").write_bytes(b"x")
    (Path(str(tmp_path / "share")) / b"\xff\xfe.jpg".decode(errors="surrogateescape")).write_bytes(b"x")
    assert len(below(tmp_path / "share", tmp_path / "d")) == 1
    told = read_report(tmp_path / "d")
    assert told is not None
    assert told.problems[0].code == "name"


def test_a_folder_without_pictures_or_that_is_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no picture"):
        below(tmp_path / "empty", tmp_path / "d")
    with pytest.raises(UserError, match="cannot be read"):
        below(tmp_path / "gone", tmp_path / "e")
