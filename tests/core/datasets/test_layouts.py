"""Every layout of an archive is found by itself and becomes the right list; what does not fit is told with its file."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from trainyard.datasets.folder import DatasetFolder
from trainyard.datasets.importers.layouts import LAYOUTS, make_list, tidy
from trainyard.datasets.importers.report import Imported, read_report
from trainyard.datasets.importers.voc import BadAnnotation, read_annotation
from trainyard.datasets.jsonlist import read_list
from trainyard.datasets.sample import Entry, Sample
from trainyard.datasets.sources import FolderSource, Sources
from trainyard.datasets.unpack import Rules, unpack
from trainyard.errors import UserError

from .archives import box, jpeg, voc_object, voc_xml, zip_of

Files = dict[str, bytes | str]


def imported(folder: Path, files: Files | bytes, layout: str = "auto") -> tuple[list[Sample], Imported]:
    """What an archive of these files becomes."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "archive").write_bytes(files if isinstance(files, bytes) else zip_of(files))
    unpack(folder / "archive", folder / "pictures", Rules())
    make_list(folder, layout, "", lambda done, total: None, lambda: False)
    with (folder / "index.jsonl").open("rb") as file:
        samples = [one for one in read_list(file) if isinstance(one, Sample)]
    told = read_report(folder)
    assert told is not None
    return samples, told


def entries(sample: Sample) -> tuple[Entry, ...]:
    return sample.labels[0].data if sample.labels else ()


COCO = {
    "images": [{"id": 1, "file_name": "a.jpg", "width": 40, "height": 30}],
    "annotations": [{"image_id": 1, "category_id": 7, "bbox": [1, 2, 10, 5], "iscrowd": 0}],
    "categories": [{"id": 7, "name": "dog"}],
}
CIFAR = b"".join(bytes([n]) + bytes([200]) * 1024 + bytes([100]) * 1024 + bytes([n]) * 1024 for n in range(3))
ARCHIVES: dict[str, Files] = {
    "voc": {"v/JPEGImages/1.jpg": jpeg(), "v/Annotations/1.xml": voc_xml("dog")},
    "coco": {"images/a.jpg": jpeg(), "annotations/instances_val.json": json.dumps(COCO)},
    "yolo": {"images/train/a.jpg": jpeg(), "labels/train/a.txt": "0 0.5 0.5 0.5 0.5\n", "data.yaml": "names: [dog]"},
    "modelarts": {"a.jpg": jpeg(), "a.txt": "dog\n"},
    "class-folders": {"dog/a.jpg": jpeg(), "cat/b.jpg": jpeg()},
    "pictures": {"a.jpg": jpeg(), "b.png": jpeg()},
    "cifar10": {"cifar-10-batches-bin/data_batch_1.bin": CIFAR},
}


@pytest.mark.parametrize("layout", ARCHIVES)
def test_a_layout_is_found_by_itself(tmp_path: Path, layout: str) -> None:
    samples, told = imported(tmp_path, ARCHIVES[layout])
    assert (told.layout, told.problems_total, bool(samples)) == (layout, 0, True)


@pytest.mark.parametrize("layout", ARCHIVES)
def test_every_sample_of_a_layout_has_a_picture(tmp_path: Path, layout: str) -> None:
    samples, _ = imported(tmp_path, ARCHIVES[layout])
    tidy(tmp_path)
    source = Sources(FolderSource({"": tmp_path / "pictures"}))
    assert all(source.read(sample.url)[:3] in (b"\xff\xd8\xff", b"\x89PN") for sample in samples)


def test_cocos_third_and_fourth_number_are_width_and_height(tmp_path: Path) -> None:
    (sample,), _ = imported(tmp_path, ARCHIVES["coco"])
    assert entries(sample)[0].extent() == (1, 2, 11, 7)


def test_cocos_crowds_are_marked_and_outlines_kept(tmp_path: Path) -> None:
    one = {"image_id": 1, "category_id": 7, "bbox": [0, 0, 4, 4]}
    rings = [[0, 0, 1, 0, 1, 1], [0, 0, 4, 0, 4, 4, 0, 4]]
    found = [{**one, "iscrowd": 1, "segmentation": {"counts": [1]}}, {**one, "segmentation": rings}]
    (sample,), _ = imported(tmp_path, {"a.jpg": jpeg(), "x.json": json.dumps({**COCO, "annotations": found})})
    assert [(entry.crowd, entry.polygon) for entry in entries(sample)] == [
        (True, None),
        (None, ((0, 0), (4, 0), (4, 4), (0, 4))),
    ]


def test_a_picture_that_coco_names_in_vain_and_one_it_does_not_name_are_told(tmp_path: Path) -> None:
    images = [*COCO["images"], {"id": 2, "file_name": "gone.jpg"}]
    _, told = imported(tmp_path, {"a.jpg": jpeg(), "z.jpg": jpeg(), "x.json": json.dumps({**COCO, "images": images})})
    assert [problem.code for problem in told.problems] == ["picture-missing", "picture-unnamed"]


@pytest.mark.parametrize("bad", [{"bbox": [1, 2, 3]}, {"bbox": ["a", 1, 2, 3]}, {"category_id": 9}, {"bbox": None}])
def test_a_picture_with_a_broken_coco_annotation_is_left_out_and_told(tmp_path: Path, bad: dict[str, object]) -> None:
    images = [*COCO["images"], {"id": 2, "file_name": "b.jpg"}]
    one = {**COCO["annotations"][0], **bad}
    document = json.dumps({**COCO, "images": images, "annotations": [one]})
    samples, told = imported(tmp_path, {"a.jpg": jpeg(), "b.jpg": jpeg(), "x.json": document})
    assert [sample.url for sample in samples] == ["b.jpg"]
    assert told.problems[0].code == "coco"


def test_captions_and_key_points_beside_instances_add_no_boxes(tmp_path: Path) -> None:
    files = {**ARCHIVES["coco"], "annotations/person_keypoints_val.json": json.dumps(COCO)}
    (sample,), _ = imported(tmp_path, files)
    assert len(entries(sample)) == 1


def test_yolo_becomes_pixels_of_the_picture(tmp_path: Path) -> None:
    (sample,), _ = imported(tmp_path, ARCHIVES["yolo"])
    assert (entries(sample)[0].class_name, entries(sample)[0].extent()) == ("dog", (10, 7.5, 30, 22.5))


def test_yolos_outlines_are_kept(tmp_path: Path) -> None:
    files: Files = {"images/a.jpg": jpeg(), "labels/a.txt": "0 0 0 1 0 1 1\n", "obj.names": "猫\n"}
    (sample,), _ = imported(tmp_path, files)
    assert entries(sample)[0].polygon == ((0, 0), (40, 0), (40, 30))


@pytest.mark.parametrize(
    "line", ["0 1 2", "x 0 0 1 1", "7 0 0 1 1", "0 nan 0 1 1", "0 1e999 0 1 1", "-1 0 0 1 1", "0.5 0 0 1 1"]
)
def test_a_picture_with_a_broken_yolo_line_is_left_out_and_told(tmp_path: Path, line: str) -> None:
    files: Files = {"a.jpg": jpeg(), "a.txt": line, "b.jpg": jpeg(), "b.txt": "0 .5 .5 .1 .1", "classes.txt": "dog\n"}
    samples, told = imported(tmp_path, files, "yolo")
    assert [sample.url for sample in samples] == ["b.jpg"]
    assert (told.problems[0].field, told.problems[0].code) == ("a.txt", "yolo")


def test_voc_beside_the_picture_with_difficult_outline_and_circle(tmp_path: Path) -> None:
    polygon = "<polygon><x1>1</x1><y1>1</y1><x2>9</x2><y2>1</y2><x3>9</x3><y3>9</y3></polygon>"
    circle = "<circle><cx>5</cx><cy>6</cy><r>2</r></circle>"
    objects = voc_object("a", box(), "<difficult>1</difficult>") + voc_object("b", polygon) + voc_object("c", circle)
    (sample,), _ = imported(tmp_path, {"1.jpg": jpeg(), "1.xml": voc_xml(objects=objects)})
    assert [entry.extent() for entry in entries(sample)] == [(1, 2, 9, 8), (1, 1, 9, 9), (3, 4, 7, 8)]
    assert (entries(sample)[0].difficult, entries(sample)[1].polygon) == (True, ((1, 1), (9, 1), (9, 9)))


@pytest.mark.parametrize("files", [("1.JPG", "1.XML"), ("1.jpg", "1.XML"), ("JPEGImages/1.JPEG", "Annotations/1.XML")])
def test_names_in_capitals_belong_together(tmp_path: Path, files: tuple[str, str]) -> None:
    (sample,), told = imported(tmp_path, {files[0]: jpeg(), files[1]: voc_xml("dog")}, "voc")
    assert [entry.class_name for entry in entries(sample)] == ["dog"]
    assert told.remarks == []


def test_a_reversed_voc_box_is_turned_round(tmp_path: Path) -> None:
    (sample,), _ = imported(tmp_path, {"1.jpg": jpeg(), "1.xml": voc_xml(objects=voc_object("a", box(9, 8, 1, 2)))})
    assert entries(sample)[0].extent() == (1, 2, 9, 8)


def test_a_voc_box_outside_is_kept_and_remarked_on(tmp_path: Path) -> None:
    _, told = imported(tmp_path, {"1.jpg": jpeg(), "1.xml": voc_xml(objects=voc_object("a", box(-9, 8, 100, 2)))})
    assert [remark.code for remark in told.remarks] == ["box-outside"]


@pytest.mark.parametrize(
    "xml",
    [
        "<annotation>",
        "<html/>",
        voc_xml(objects=voc_object("a", box("x"))),
        voc_xml(objects=voc_object("a", box("nan"))),
        voc_xml(objects=voc_object("", box())),
        voc_xml(objects=voc_object("a", "")),
        '<!DOCTYPE x [<!ENTITY a "aaaa">]><annotation>&a;</annotation>',
    ],
)
def test_a_broken_voc_file_is_told_and_the_others_come_in(tmp_path: Path, xml: str) -> None:
    files: Files = {"1.jpg": jpeg(), "1.xml": xml, "2.jpg": jpeg(), "2.xml": voc_xml("a")}
    samples, told = imported(tmp_path, files, "voc")
    assert [sample.url for sample in samples] == ["2.jpg"]
    assert told.problems[0].field == "1.xml"


def test_splits_are_no_classes(tmp_path: Path) -> None:
    files: Files = {"train/猫/1.jpg": jpeg(), "val/猫/2.jpg": jpeg(), "val/狗/3.jpg": jpeg()}
    samples, told = imported(tmp_path, files)
    assert told.layout == "class-folders"
    assert {entries(sample)[0].class_name for sample in samples} == {"猫", "狗"}


def test_several_labels_in_a_text_file_are_several_classes(tmp_path: Path) -> None:
    (sample,), _ = imported(tmp_path, {"a.jpg": jpeg(), "a.txt": "猫\n狗\n".encode("gb18030")})
    assert [entry.class_name for entry in entries(sample)] == ["猫", "狗"]


def test_a_text_that_is_none_is_told_with_its_name(tmp_path: Path) -> None:
    (sample,), told = imported(tmp_path, {"a.jpg": jpeg(), "a.txt": b"\x00", "b.jpg": jpeg(), "b.txt": "dog"})
    assert (sample.url, told.problems[0].field, told.problems[0].code) == ("b.jpg", "a.txt", "label-text")
    assert told.problems[0].values["reason"] == "it has the control character U+0000"


def test_cifars_colours_stand_in_their_places(tmp_path: Path) -> None:
    import cv2

    samples, _ = imported(tmp_path, ARCHIVES["cifar10"])
    data = Sources(FolderSource({"": tmp_path / "pictures"})).read(samples[2].url)
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (32, 32, 3)
    assert picture[0, 0].tolist() == [2, 100, 200]
    assert [entries(sample)[0].class_name for sample in samples] == ["airplane", "automobile", "bird"]


def test_cifars_pickle_is_never_opened(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cifar-10-binary"):
        imported(tmp_path, {"c/data_batch_1": b"cos\nsystem\n", "c/batches.meta": b""})


def test_a_file_that_is_no_picture_is_told(tmp_path: Path) -> None:
    _, told = imported(tmp_path, {"a.jpg": jpeg(), "notes.docx": b"x"})
    assert (told.problems[0].field, told.problems[0].code) == ("notes.docx", "no-picture")


def test_an_archive_without_a_picture_is_refused_with_what_it_holds(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"1 × \.zip"):
        imported(tmp_path, {"inner.zip": b""}, "class-folders")


def test_a_layout_that_was_asked_for_and_is_not_there_is_refused_with_what_lacks(tmp_path: Path) -> None:
    with pytest.raises(UserError) as refused:
        imported(tmp_path, {"a.jpg": jpeg()}, "coco")
    assert "JSON" in refused.value.text("zh")


def test_what_file_managers_leave_behind_is_no_sample(tmp_path: Path) -> None:
    files: Files = {"a.jpg": jpeg(), "__MACOSX/._a.jpg": b"x", ".DS_Store": b"x", "x/Thumbs.db": b"x"}
    samples, told = imported(tmp_path, files)
    assert ([sample.url for sample in samples], told.problems_total) == (["a.jpg"], 0)


def test_only_pictures_stay_when_the_list_stands(tmp_path: Path) -> None:
    imported(tmp_path, ARCHIVES["voc"])
    tidy(tmp_path)
    assert [path.name for path in tmp_path.rglob("pictures/**/*.*")] == ["1.jpg"]


def test_problems_of_files_stand_in_the_statistics(tmp_path: Path) -> None:
    imported(tmp_path, {"a.jpg": jpeg(), "notes.docx": b"x"})
    statistics = DatasetFolder(tmp_path).prepare()
    assert (statistics.images, statistics.problems_total, statistics.problems[0].field) == (1, 1, "notes.docx")


def test_tars_are_read_with_names_in_any_encoding(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:xz", format=tarfile.GNU_FORMAT, encoding="gb18030") as tape:
        for name in ("小狗/一.jpg", "小鸟/二.jpg"):
            member = tarfile.TarInfo(name)
            member.size = len(jpeg())
            tape.addfile(member, io.BytesIO(jpeg()))
    samples, _ = imported(tmp_path, buffer.getvalue())
    assert {sample.url for sample in samples} == {"小狗/一.jpg", "小鸟/二.jpg"}


NAMES = st.sampled_from(
    ["a.jpg", "a.txt", "a.xml", "x.json", "data.yaml", "classes.txt", "images/a.jpg", "labels/a.txt", "b/a.png"]
)
CONTENT = st.one_of(
    st.binary(max_size=200),
    st.text(max_size=80).map(str.encode),
    st.sampled_from([jpeg(), voc_xml("a").encode(), json.dumps(COCO).encode(), b"0 .5 .5 .1 .1", b"names: [a]"]).flatmap(
        lambda data: st.integers(0, len(data)).map(lambda cut: data[:cut] + b"\xff" + data[cut + 1 :])
    ),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(
    files=st.dictionaries(NAMES, CONTENT, min_size=1, max_size=5),
    layout=st.sampled_from(["auto", *(one.name for one in LAYOUTS)]),
)
def test_garbage_in_any_layout_is_a_list_or_a_refusal(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes], layout: str
) -> None:
    try:
        samples, told = imported(tmp_path_factory.mktemp("fuzz"), dict(files), layout)
    except UserError:
        return
    assert samples or told.problems_total


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.binary(max_size=60).map(lambda data: b"<annotation>" + data + b"</annotation>")))
def test_any_bytes_are_a_voc_annotation_or_a_reason(data: bytes) -> None:
    try:
        read_annotation(data)
    except BadAnnotation as bad:
        assert bad.code


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 600), st.integers(0, 255))
def test_a_damaged_zip_is_unpacked_or_refused(tmp_path_factory: pytest.TempPathFactory, place: int, value: int) -> None:
    data = bytearray(zip_of({"a/1.jpg": jpeg(), "b.txt": b"x" * 50}))
    data[place % len(data)] = value
    folder = tmp_path_factory.mktemp("zip")
    (folder / "a").write_bytes(bytes(data))
    try:
        unpack(folder / "a", folder / "out", Rules())
    except (UserError, zipfile.BadZipFile) as error:
        assert isinstance(error, UserError)


def turned(layout: str, orientation: int, told: tuple[int, int]) -> Files:
    """A stored picture of 40 × 30 that Exif turns, with the box (1, 2) to (9, 8) of what is ``told`` to be its size."""
    width, height = told
    picture, image = jpeg(40, 30, orientation), {"id": 1, "file_name": "a.jpg", "width": width, "height": height}
    box_of_coco = {"image_id": 1, "category_id": 7, "bbox": [1, 2, 8, 6]}
    if layout == "coco":
        return {"a.jpg": picture, "instances.json": json.dumps({**COCO, "images": [image], "annotations": [box_of_coco]})}
    if layout == "voc":
        size = f"<size><width>{width}</width><height>{height}</height></size>"
        return {"a.jpg": picture, "a.xml": f"<annotation>{size}{voc_object('dog', box())}</annotation>"}
    numbers = f"{5 / width} {5 / height} {8 / width} {6 / height}"
    return {"images/a.jpg": picture, "labels/a.txt": f"0 {numbers}\n", "data.yaml": "names: [dog]"}


@pytest.mark.parametrize(
    ("orientation", "told", "expected"),
    [(6, (30, 40), ((2, 21), (8, 29))), (8, (30, 40), ((32, 1), (38, 9))), (3, (40, 30), ((31, 22), (39, 28)))],
)
@pytest.mark.parametrize("layout", ["coco", "voc", "yolo"])
def test_boxes_are_of_the_picture_as_it_is_shown_and_the_list_has_them_as_it_is_stored(
    tmp_path: Path, layout: str, orientation: int, told: tuple[int, int], expected: tuple[tuple[float, float], ...]
) -> None:
    ((sample,), report) = imported(tmp_path, turned(layout, orientation, told))
    assert entries(sample)[0].bbox == tuple(pytest.approx(point) for point in expected)
    assert [(one.code, one.count) for one in report.remarks] == [("turned", 1)]


@pytest.mark.parametrize("layout", ["coco", "voc"])
def test_boxes_whose_annotation_names_the_stored_size_are_left_as_they_are(tmp_path: Path, layout: str) -> None:
    ((sample,), report) = imported(tmp_path, turned(layout, 6, (40, 30)))
    assert entries(sample)[0].bbox == ((1, 2), (9, 8))
    assert report.remarks == []
