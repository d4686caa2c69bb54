"""MXNet's own readers read what we write, in an environment like that of the mxnet image."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from trainyard.formats.batch import write_batch
from trainyard.formats.picture import Recipe
from trainyard.formats.recordio.framing import MAGIC_BYTES, frame, pack

from tests.core.formats.pictures import labelled, make_list, plan_of, source_of

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


def ask(python: Path, program: str, *arguments: str) -> str:
    told = subprocess.run([str(python), "-c", program, *arguments], check=True, capture_output=True, text=True)
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
def test_mxnet_joins_a_record_that_holds_the_magic(mxnet_python: Path, tmp_path: Path) -> None:
    picture = b"1234" + MAGIC_BYTES + b"56" + MAGIC_BYTES + MAGIC_BYTES
    (tmp_path / "data.rec").write_bytes(frame(pack(0, (1.0,), picture)))
    assert ask(mxnet_python, PARTS, str(tmp_path / "data.rec")) == picture.hex()
