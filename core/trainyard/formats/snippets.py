"""A few lines per framework that read a set where jobs and workspaces see it; ``{folder}`` is the set's folder.

Each framework's own reader of a format is shown where it has one; elsewhere ``FormattedDataset``, which reads all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from trainyard.formats.record import Kind

Loaders = Callable[[Kind], Mapping[str, str]]
"""Framework to lines, for a set whose labels are of one kind."""

_PYTHON = """from pathlib import Path

from trainyard.formats.registry import FORMATS

with FORMATS["{format}"].reader(Path("{folder}")) as records:
    for record in records:  # records[5] is the sixth
        print(record.number, record.name, record.labels, len(record.picture))
"""
_PYTORCH = """from torch.utils.data import DataLoader
from trainyard.formats.loading import FormattedDataset

data = FormattedDataset("{folder}", size=(224, 224))  # width, height
for pictures, labels in DataLoader(data, batch_size=32, shuffle=True, num_workers=2):
    print(pictures.shape, labels[:4])
"""
_PYTORCH_BOXES = """import numpy as np
import torch
from torch.utils.data import DataLoader
from trainyard.formats.loading import FormattedDataset, keep_apart

data = FormattedDataset("{folder}", size=(512, 512))  # width, height
for pictures, targets in DataLoader(data, batch_size=8, shuffle=True, num_workers=2, collate_fn=keep_apart):
    print(torch.from_numpy(np.stack(pictures)).shape, targets[0]["boxes"], targets[0]["labels"])
"""
_TENSORFLOW = """import tensorflow as tf
from trainyard.formats.loading import FormattedDataset

data = FormattedDataset("{folder}", size=(224, 224))  # width, height
shapes = (tf.TensorSpec((3, 224, 224)), {target})
batches = tf.data.Dataset.from_generator(lambda: map(data.__getitem__, range(len(data))), output_signature=shapes){batch}
for pictures, labels in batches:
    print(pictures.shape, labels)
"""
_TARGETS: Mapping[Kind, str] = {
    "class": "tf.TensorSpec((), tf.int64)",
    "none": "tf.TensorSpec((), tf.int64)",
    "classes": "tf.TensorSpec((None,))",
    "boxes": '{"boxes": tf.TensorSpec((None, 4)), "labels": tf.TensorSpec((None,), tf.int64)}',
}
_GLUON = """import mxnet as mx
from trainyard.formats.loading import FormattedDataset

data = FormattedDataset("{folder}", size=(224, 224))  # width, height
for pictures, labels in mx.gluon.data.DataLoader(data, batch_size=32, shuffle=True):
    print(pictures.shape, labels[:4])
"""
_GLUON_BOXES = """import mxnet as mx
from trainyard.formats.loading import FormattedDataset, keep_apart

data = FormattedDataset("{folder}", size=(512, 512))  # width, height
for pictures, targets in mx.gluon.data.DataLoader(data, batch_size=8, shuffle=True, batchify_fn=keep_apart):
    print(len(pictures), targets[0]["boxes"], targets[0]["labels"])
"""
_IMAGE_RECORD_ITER = """import mxnet as mx

folder = "{folder}"
classes = sum(1 for _ in open(folder + "/labels.csv"))
data = mx.io.ImageRecordIter(
    path_imgrec=folder + "/cache/data.rec",
    path_imgidx=folder + "/cache/data.idx",
    data_shape=(3, 224, 224),  # channels, height, width; pictures are cropped to it
    batch_size=32,
    shuffle=True,{width}
)
for batch in data:
    print(batch.data[0].shape, batch.label[0][:4])
"""
_IMAGE_DET_ITER = """import mxnet as mx

folder = "{folder}"
data = mx.image.ImageDetIter(
    path_imgrec=folder + "/cache/data.rec",
    path_imgidx=folder + "/cache/data.idx",
    data_shape=(3, 512, 512),  # channels, height, width; pictures are resized to it
    batch_size=8,
    shuffle=True,
)
for batch in data:  # a row of label is class, xmin, ymin, xmax, ymax as parts of 1; rows of -1 fill up
    print(batch.data[0].shape, batch.label[0][0])
"""
_CAFFE = """layer {
  name: "data" type: "Data" top: "data" top: "label"
  data_param { source: "{folder}" backend: LMDB batch_size: 32 }
  transform_param { crop_size: 224 mirror: true }
}
"""
_CAFFE_BOXES = """# of the branch "ssd" of Caffe; labels.csv has the classes, 0 is the background
layer {
  name: "data" type: "AnnotatedData" top: "data" top: "label"
  data_param { source: "{folder}" backend: LMDB batch_size: 8 }
  transform_param { resize_param { prob: 1 resize_mode: WARP height: 300 width: 300 } }
}
"""
_FASTER_RCNN = """import pickle

with open("{folder}/roidb.pkl", "rb") as file:  # a list of dicts, as py-faster-rcnn has it; it was written by this platform
    roidb = pickle.load(file)
for one in roidb:
    print("{folder}/" + one["image"], one["boxes"], one["gt_classes"])
"""
_NUMPY = """import numpy as np

arrays = np.load("{folder}/annotations.npz")
starts = arrays["image_index"]
for picture in range(len(starts) - 1):
    mine = slice(starts[picture], starts[picture + 1])
    print(arrays["size"][picture], arrays["boxes"][mine], arrays["gt_classes"][mine])
"""
_WEBDATASET = """import glob, json

import cv2, numpy as np, torch, webdataset


def read(sample):
    encoded = np.frombuffer(sample.get("jpg") or sample["png"], np.uint8)
    picture = cv2.resize(cv2.imdecode(encoded, cv2.IMREAD_COLOR), (224, 224))[:, :, ::-1].transpose(2, 0, 1)
    return torch.from_numpy(picture / np.float32(255)), {label}


shards = sorted(glob.glob("{folder}/*.tar"))
data = webdataset.WebDataset(shards, shardshuffle=False).shuffle(1000).map(read)
for pictures, labels in torch.utils.data.DataLoader(data, batch_size=32{collate}):
    print(len(pictures), labels[:4])
"""
_WEBDATASET_LABELS: Mapping[Kind, str] = {
    "class": 'int(sample["cls"])',
    "classes": 'torch.tensor(json.loads(sample["json"])["labels"])',
    "boxes": 'json.loads(sample["json"])["boxes"]',
    "none": 'sample["__key__"]',
}
_TFRECORD = """import glob

import tensorflow as tf

features = {
    "image/encoded": tf.io.FixedLenFeature([], tf.string),{features}
}


def read(example):
    found = tf.io.parse_single_example(example, features)
    picture = tf.image.resize(tf.io.decode_image(found["image/encoded"], 3, expand_animations=False), (224, 224)) / 255
    return picture, {label}


shards = sorted(glob.glob("{folder}/*.tfrecord"))
for pictures, labels in tf.data.TFRecordDataset(shards).shuffle(1000).map(read).{batch}(32):
    print(pictures.shape, labels)
"""
_BOX_FEATURES = "".join(
    f'\n    "image/object/{name}": tf.io.RaggedFeature(tf.{kind}),'
    for name, kind in (
        ("bbox/ymin", "float32"),
        ("bbox/xmin", "float32"),
        ("bbox/ymax", "float32"),
        ("bbox/xmax", "float32"),
        ("class/label", "int64"),
    )
)
_TFRECORD_LABELS: Mapping[Kind, tuple[str, str]] = {
    "class": ('\n    "image/class/label": tf.io.FixedLenFeature([], tf.int64),', 'found["image/class/label"]'),
    "classes": ('\n    "image/class/hot": tf.io.RaggedFeature(tf.float32),', 'found["image/class/hot"]'),
    "boxes": (_BOX_FEATURES, "{name: found[name] for name in features if name != 'image/encoded'}  # 0 is the background"),
    "none": ("", 'tf.constant("")'),
}


def _any(name: str, kind: Kind) -> dict[str, str]:
    """What reads every format."""
    batch = ".batch(32)" if kind != "boxes" else ""
    return {
        "pytorch": _PYTORCH_BOXES if kind == "boxes" else _PYTORCH,
        "tensorflow": _TENSORFLOW.replace("{target}", _TARGETS[kind]).replace("{batch}", batch),
        "mxnet": _GLUON_BOXES if kind == "boxes" else _GLUON,
        "python": _PYTHON.replace("{format}", name),
    }


def _recordio(kind: Kind) -> Mapping[str, str]:
    width = "\n    label_width=classes," if kind == "classes" else ""
    own = _IMAGE_DET_ITER if kind == "boxes" else _IMAGE_RECORD_ITER.replace("{width}", width)
    return {"mxnet": own, **{name: text for name, text in _any("recordio", kind).items() if name != "mxnet"}}


def _lmdb(kind: Kind) -> Mapping[str, str]:
    return _any("lmdb", kind) | {"caffe": _CAFFE_BOXES if kind == "boxes" else _CAFFE}


def _roidb(kind: Kind) -> Mapping[str, str]:
    return {"numpy": _NUMPY, **_any("roidb", kind), "py-faster-rcnn": _FASTER_RCNN}


def _webdataset(kind: Kind) -> Mapping[str, str]:
    apart = ", collate_fn=lambda batch: tuple(zip(*batch))" if kind == "boxes" else ""
    own = _WEBDATASET.replace("{label}", _WEBDATASET_LABELS[kind]).replace("{collate}", apart)
    return _any("webdataset", kind) | {"pytorch": own}


def _tfrecord(kind: Kind) -> Mapping[str, str]:
    features, label = _TFRECORD_LABELS[kind]
    batch = "ragged_batch" if kind == "boxes" else "batch"
    own = _TFRECORD.replace("{features}", features).replace("{label}", label).replace("{batch}", batch)
    return {"tensorflow": own} | {name: text for name, text in _any("tfrecord", kind).items() if name != "tensorflow"}


LOADERS: Mapping[str, Loaders] = {
    "recordio": _recordio,
    "lmdb": _lmdb,
    "roidb": _roidb,
    "pictures": lambda kind: _any("pictures", kind),
    "webdataset": _webdataset,
    "tfrecord": _tfrecord,
}


def loader(snippet: str, folder: str) -> str:
    """``snippet`` for the set in ``folder``."""
    return snippet.replace("{folder}", folder)
