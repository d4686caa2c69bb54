"""MXNet's own readers read what we write, in an environment like that of the mxnet image."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from trainyard.formats.batch import write_batch
from trainyard.formats.labels import write_labels
from trainyard.formats.picture import Recipe
from trainyard.formats.record import Box, SetOptions, some_boxes
from trainyard.formats.recordio.framing import MAGIC_BYTES, frame, pack
from trainyard.formats.recordio.writer import RecordIOWriter
from trainyard.formats.registry import FORMATS, index_table
from trainyard.formats.snippets import loader

from tests.core.formats.pictures import labelled, make_list, plan_of, source_of
from tests.core.formats.test_contract import labels_of, records, write

ROOT = Path(__file__).parents[3]
READ = """
import json, sys, mxnet as mx
folder, width, channels = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
data = mx.io.ImageRecordIter(
    path_imgrec=folder + "/cache/data.rec", path_imgidx=folder + "/cache/data.idx",
    data_shape=(channels, 24, 24), batch_size=1, label_width=width)
seen = []
for batch in data:
    count = batch.data[0].shape[0] - batch.pad
    seen += [[row, float(picture.mean())] for row, picture in zip(
        batch.label[0].asnumpy()[:count].tolist(), batch.data[0].asnumpy()[:count])]
record = mx.recordio.MXIndexedRecordIO(folder + "/cache/data.idx", folder + "/cache/data.rec", "r")
headers = [mx.recordio.unpack(record.read_idx(key))[0].id for key in record.keys]
print(json.dumps({"seen": seen, "ids": headers}))
"""
PARTS = """
import sys, mxnet as mx
record = mx.recordio.MXRecordIO(sys.argv[1], "r")
sys.stdout.write(mx.recordio.unpack(record.read())[1].hex())
"""


DETECT = """
import json, sys, mxnet as mx
paths = dict(path_imgrec=sys.argv[1] + "/cache/data.rec", path_imgidx=sys.argv[1] + "/cache/data.idx")
plain = mx.image.ImageDetIter(batch_size=1, data_shape=(3, 30, 40), **paths)
fast = mx.io.ImageDetRecordIter(batch_size=1, data_shape=(3, 30, 40), label_pad_width=100, label_pad_value=-1, **paths)
print(json.dumps({
    "python": [batch.label[0].asnumpy()[0].tolist() for batch in plain],
    "native": [batch.label[0].asnumpy()[0].tolist() for batch in fast]}))
"""


def ask(python: Path, program: str, *arguments: str) -> str:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "core")}
    argv = [str(python), "-c", program, *arguments]
    told = subprocess.run(argv, check=True, capture_output=True, text=True, env=environment)
    return told.stdout


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("several", [False, True])
def test_image_record_iter_sees_every_picture_and_label(mxnet_python: Path, tmp_path: Path, several: bool) -> None:
    listed = make_list(tmp_path, 10)
    if several:
        with listed.open("a") as file:
            file.write(labelled("00000.jpg", "cat", "dog") + "\n")
    count = 11 if several else 10
    plan = plan_of(listed, shuffle=False, ratios={"train": 1.0}, recipe=Recipe("24x24"))
    write_batch(plan, source_of(listed), tmp_path / "batch")
    told = json.loads(ask(mxnet_python, READ, str(tmp_path / "batch" / "recordio-train"), "2" if several else "1", "3"))
    expected = [[1.0, 0.0], [0.0, 1.0]] * 5 + [[1.0, 1.0]] if several else [0.0, 1.0] * 5
    assert ([label for label, _ in told["seen"]], told["ids"]) == (expected, list(range(count)))
    assert all(20 < mean < 200 for _, mean in told["seen"])


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("difficult", [False, True])
def test_both_detection_readers_see_every_box(mxnet_python: Path, tmp_path: Path, difficult: bool) -> None:
    """MXNet's own says channels, height, width and how many numbers follow; then come ours, and -1 to fill up."""
    boxes = (Box(2, 4, 3, 20, 15), Box(0, 0, 0, 40, 30, difficult))
    samples = [one._replace(labels=some_boxes(boxes[: 1 + one.number % 2])) for one in records("class", 4)]
    writer = RecordIOWriter(tmp_path, None, SetOptions("boxes", difficult=difficult))
    for one in samples:
        writer.add(one)
    writer.close()
    told = json.loads(ask(mxnet_python, DETECT, str(tmp_path)))
    mark = [[0.0], [1.0]] if difficult else [[], []]
    first, second = [2, 0.1, 0.1, 0.5, 0.5, *mark[0]], [0, 0, 0, 1, 1, *mark[1]]
    nothing = [-1.0] * len(first)
    assert np.allclose(told["python"], [[first, nothing], [first, second]] * 2)
    ours = [2.0, float(len(first)), *first, *second]
    assert np.allclose(told["native"][1][: 4 + len(ours)], [3, 30, 40, len(ours), *ours])
    assert set(told["native"][1][4 + len(ours) :]) == {-1.0}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_snippet_for_mxnet_runs_in_its_environment(mxnet_python: Path, tmp_path: Path) -> None:
    """One process runs them all: MXNet takes seconds to start."""
    snippets = []
    for name, kind in ((name, kind) for name, one in FORMATS.items() for kind in one.accepts):
        samples = [one._replace(labels=labels_of(kind, 1)) for one in records(kind, 34)]
        folder = write(name, tmp_path / f"{name}-{kind}", kind, samples)
        write_labels(folder, index_table(name, kind, {"cat": 0, "dog": 1, "猫": 2}))
        snippets.append(loader(FORMATS[name].loaders(kind)["mxnet"], str(folder)))
    ask(mxnet_python, f"for text in {snippets!r}: exec(compile(text, text, 'exec'), {{}})")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_mxnet_joins_a_record_that_holds_the_magic(mxnet_python: Path, tmp_path: Path) -> None:
    picture = b"1234" + MAGIC_BYTES + b"56" + MAGIC_BYTES + MAGIC_BYTES
    (tmp_path / "data.rec").write_bytes(frame(pack(0, (1.0,), alone=True) + picture))
    assert ask(mxnet_python, PARTS, str(tmp_path / "data.rec")) == picture.hex()
