"""What we write is read by programs that are not ours: protobuf, NumPy, pickle, webdataset, tfrecord, and our snippets."""

from __future__ import annotations

import io
import json
import pickle
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import lmdb
import numpy as np
import pytest
import tfrecord
import webdataset
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format
from PIL import Image
from trainyard.formats.record import Box, Record, SetOptions, some_boxes
from trainyard.formats.registry import FORMATS, index_table
from trainyard.formats.snippets import loader

from tests.core.formats.test_contract import records, write

CAFFE = """
name: "caffe.proto" package: "caffe" syntax: "proto2"
message_type { name: "Datum"
  field { name: "channels" number: 1 type: TYPE_INT32 label: LABEL_OPTIONAL }
  field { name: "height" number: 2 type: TYPE_INT32 label: LABEL_OPTIONAL }
  field { name: "width" number: 3 type: TYPE_INT32 label: LABEL_OPTIONAL }
  field { name: "data" number: 4 type: TYPE_BYTES label: LABEL_OPTIONAL }
  field { name: "label" number: 5 type: TYPE_INT32 label: LABEL_OPTIONAL }
  field { name: "float_data" number: 6 type: TYPE_FLOAT label: LABEL_REPEATED }
  field { name: "encoded" number: 7 type: TYPE_BOOL label: LABEL_OPTIONAL default_value: "false" } }
message_type { name: "NormalizedBBox"
  field { name: "xmin" number: 1 type: TYPE_FLOAT label: LABEL_OPTIONAL }
  field { name: "ymin" number: 2 type: TYPE_FLOAT label: LABEL_OPTIONAL }
  field { name: "xmax" number: 3 type: TYPE_FLOAT label: LABEL_OPTIONAL }
  field { name: "ymax" number: 4 type: TYPE_FLOAT label: LABEL_OPTIONAL }
  field { name: "label" number: 5 type: TYPE_INT32 label: LABEL_OPTIONAL }
  field { name: "difficult" number: 6 type: TYPE_BOOL label: LABEL_OPTIONAL } }
message_type { name: "Annotation"
  field { name: "instance_id" number: 1 type: TYPE_INT32 label: LABEL_OPTIONAL default_value: "0" }
  field { name: "bbox" number: 2 type: TYPE_MESSAGE type_name: ".caffe.NormalizedBBox" label: LABEL_OPTIONAL } }
message_type { name: "AnnotationGroup"
  field { name: "group_label" number: 1 type: TYPE_INT32 label: LABEL_OPTIONAL }
  field { name: "annotation" number: 2 type: TYPE_MESSAGE type_name: ".caffe.Annotation" label: LABEL_REPEATED } }
message_type { name: "AnnotatedDatum"
  enum_type { name: "AnnotationType" value { name: "BBOX" number: 0 } }
  field { name: "datum" number: 1 type: TYPE_MESSAGE type_name: ".caffe.Datum" label: LABEL_OPTIONAL }
  field { name: "type" number: 2 type: TYPE_ENUM type_name: ".caffe.AnnotatedDatum.AnnotationType" label: LABEL_OPTIONAL }
  field { name: "annotation_group" number: 3 type: TYPE_MESSAGE type_name: ".caffe.AnnotationGroup" label: LABEL_REPEATED } }
"""
"""Caffe's messages (caffe.proto; the annotated ones of the branch ssd) with their public field numbers."""
TWO = (Box(1, 4, 3, 20, 15), Box(0, 0, 0, 40, 30, True))


def parser(name: str) -> Any:
    """The class that protobuf generates for a message."""
    pool = descriptor_pool.DescriptorPool()
    pool.Add(text_format.Parse(CAFFE, descriptor_pb2.FileDescriptorProto()))
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"caffe.{name}"))


def values(folder: Path) -> list[tuple[bytes, bytes]]:
    with lmdb.open(str(folder), readonly=True, lock=False) as environment, environment.begin() as transaction:
        return list(transaction.cursor())


def with_boxes() -> list[Record]:
    return [one._replace(labels=some_boxes(TWO)) for one in records("class", 3)]


def test_protobuf_reads_every_datum_and_nothing_is_unknown_to_it(tmp_path: Path) -> None:
    datum = parser("Datum")
    for (key, value), one in zip(values(write("lmdb", tmp_path, "class", records("class"))), records("class"), strict=True):
        found = datum.FromString(value)
        assert key == f"{one.number:08d}_{one.name}".encode()
        assert (found.label, found.data, found.encoded) == (one.labels.numbers[0], one.picture, True)
        assert (found.channels, found.height, found.width) == (one.channels, one.height, one.width)
        assert found.SerializeToString() == value


def test_protobuf_reads_several_classes_and_none(tmp_path: Path) -> None:
    datum = parser("Datum")
    several = [datum.FromString(value) for _, value in values(write("lmdb", tmp_path / "a", "classes", records("classes")))]
    assert [list(one.float_data) for one in several] == [list(one.labels.numbers) for one in records("classes")]
    none = [datum.FromString(value) for _, value in values(write("lmdb", tmp_path / "b", "none", records("none")))]
    assert not any(one.HasField("label") for one in none)


def test_protobuf_reads_raw_pixels_as_blue_green_red(tmp_path: Path) -> None:
    red = io.BytesIO()
    Image.new("RGB", (4, 2), (250, 10, 20)).save(red, "PNG")
    writer = FORMATS["lmdb"].writer(tmp_path, None, SetOptions(values="raw"))
    writer.add(Record(0, "red.png", records("class")[0].labels, red.getvalue(), 3, 2, 4))
    writer.close()
    found = parser("Datum").FromString(values(tmp_path)[0][1])
    assert (found.encoded, found.data) == (False, bytes([20] * 8 + [10] * 8 + [250] * 8))


def test_protobuf_reads_annotated_data(tmp_path: Path) -> None:
    (_, value), *_ = values(write("lmdb", tmp_path, "boxes", with_boxes()))
    found = parser("AnnotatedDatum").FromString(value)
    assert (found.type, found.datum.data) == (0, with_boxes()[0].picture)
    assert [group.group_label for group in found.annotation_group] == [2, 1]
    box = found.annotation_group[0].annotation[0].bbox
    assert np.allclose([box.xmin, box.ymin, box.xmax, box.ymax], [0.1, 0.1, 0.5, 0.5])
    assert found.annotation_group[1].annotation[0].bbox.difficult
    assert found.SerializeToString() == value


def test_numpy_reads_the_boxes_of_a_roidb(tmp_path: Path) -> None:
    arrays = np.load(write("roidb", tmp_path, "boxes", with_boxes()) / "annotations.npz")
    assert arrays["image_index"].tolist() == [0, 2, 4, 6]
    assert arrays["boxes"][:2].tolist() == [[4, 3, 19, 14], [0, 0, 39, 29]]
    assert (arrays["gt_classes"].tolist(), arrays["difficult"].tolist()) == ([2, 1] * 3, [0, 1] * 3)
    assert (arrays["boxes"].dtype, arrays["gt_classes"].dtype, arrays["size"].tolist()) == ("u2", "i4", [[30, 40]] * 3)


@pytest.mark.parametrize("count", [0, 1, 2500])
def test_a_plain_unpickler_reads_the_roidb_of_old_programs(tmp_path: Path, count: int) -> None:
    samples = [with_boxes()[0]._replace(number=number) for number in range(count)]
    data = (write("roidb", tmp_path, "boxes", samples) / "roidb.pkl").read_bytes()
    found = pickle.loads(data)
    assert (data[:2], len(found)) == (b"\x80\x02", count)
    for one in found[-1:]:
        assert (tmp_path / one["image"]).read_bytes() == samples[0].picture
        assert one["boxes"].tolist() == [[4, 3, 19, 14], [0, 0, 39, 29]]
        assert one["gt_overlaps"].tolist() == [[0, 0, 1, 0], [0, 1, 0, 0]]
        assert (one["max_classes"].tolist(), one["max_overlaps"].tolist()) == ([2, 1], [1, 1])
        assert (one["boxes"].dtype, one["gt_classes"].dtype, one["gt_overlaps"].dtype) == ("u2", "i4", "f4")
        assert (one["height"], one["width"], one["flipped"], one["boxes"].flags.writeable) == (30, 40, False, True)
        assert one["seg_areas"].tolist() == [16 * 12, 40 * 30]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_old_numpy_reads_the_roidb_too(mxnet_python: Path, tmp_path: Path) -> None:
    folder = write("roidb", tmp_path, "boxes", with_boxes())
    program = (
        "import pickle,sys; r=pickle.load(open(sys.argv[1],'rb')); print(r[0]['boxes'].tolist(), r[0]['gt_classes'].dtype)"
    )
    told = subprocess.run([mxnet_python, "-c", program, folder / "roidb.pkl"], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[[4, 3, 19, 14], [0, 0, 39, 29]] int32"


def test_webdataset_reads_every_sample(tmp_path: Path) -> None:
    folder = write("webdataset", tmp_path, "class", records("class"))
    shards = sorted(map(str, folder.glob("*.tar")))
    assert len(shards) > 1
    found = list(webdataset.WebDataset(shards, shardshuffle=False).decode())
    assert [one["__key__"] for one in found] == [f"{number:08d}" for number in range(7)]
    assert [one["cls"] for one in found] == [one.labels.numbers[0] for one in records("class")]
    assert [one["json"]["name"] for one in found] == [one.name for one in records("class")]


def test_tar_reads_the_shards(tmp_path: Path) -> None:
    with tarfile.open(write("webdataset", tmp_path, "boxes", with_boxes()) / "data-00000.tar") as archive:
        assert {(one.mtime, one.uid, one.mode) for one in archive} == {(0, 0, 0o644)}
        told = json.loads(archive.extractfile("00000000.json").read())  # type: ignore[union-attr]
        assert (told["boxes"], told["difficult"]) == ([list(box[:5]) for box in TWO], [1])


def test_the_tfrecord_library_reads_classes(tmp_path: Path) -> None:
    folder = write("tfrecord", tmp_path, "class", records("class"))
    paths = sorted(folder.glob("*.tfrecord"))
    assert len(paths) > 1
    found = [one for path in paths for one in tfrecord.tfrecord_loader(str(path), None)]
    assert [bytes(one["image/encoded"]) for one in found] == [one.picture for one in records("class")]
    assert [int(one["image/class/label"][0]) for one in found] == [one.labels.numbers[0] for one in records("class")]
    assert {bytes(one["image/class/text"]).decode() for one in found} == {"cat", "类", "b,c"}


def test_the_tfrecord_library_reads_boxes(tmp_path: Path) -> None:
    folder = write("tfrecord", tmp_path, "boxes", with_boxes())
    (found, *_) = tfrecord.tfrecord_loader(str(folder / "data-00000.tfrecord"), None)
    assert found["image/object/class/label"].tolist() == [2, 1]
    assert np.allclose(found["image/object/bbox/xmin"], [0.1, 0]) and np.allclose(found["image/object/bbox/ymax"], [0.5, 1])
    assert (found["image/height"].tolist(), found["image/object/difficult"].tolist()) == ([30], [0, 1])


def test_boxes_are_numbered_as_labels_csv_says() -> None:
    labels = {"cat": 0, "dog": 1}
    assert index_table("lmdb", "boxes", labels) == {"__background__": 0, "cat": 1, "dog": 2}
    assert index_table("lmdb", "class", labels) == index_table("recordio", "boxes", labels) == labels


@pytest.mark.parametrize("name", list(FORMATS))
@pytest.mark.parametrize("framework", ["python", "numpy", "py-faster-rcnn"])
def test_the_snippets_of_plain_python_run(tmp_path: Path, name: str, framework: str) -> None:
    for kind in FORMATS[name].accepts:
        snippets = FORMATS[name].loaders(kind)
        if framework in snippets:
            folder = write(name, tmp_path / kind, kind, records(kind))
            exec(compile(loader(snippets[framework], str(folder)), framework, "exec"), {})
