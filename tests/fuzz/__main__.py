"""Feed bytes to all that reads what others wrote, guided by coverage: ``python -m tests.fuzz TARGET [libFuzzer options]``.

Needs ``pip install atheris``, which is not among our dependencies: it has wheels for few versions of Python. A target may raise
what its readers promise, and nothing else. ``-max_total_time=60 -timeout=20`` ends after a minute.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import atheris
import numpy as np

from tests.core.datasets.archives import jpeg, voc_xml

with atheris.instrument_imports(include=["trainyard"]):
    from trainyard.datasets.codec import decode_picture, encode_picture
    from trainyard.datasets.folder import DatasetFolder
    from trainyard.datasets.importers.voc import BadAnnotation, read_annotation
    from trainyard.datasets.jsonlist import read_list
    from trainyard.datasets.sources import PictureProblem
    from trainyard.errors import UserError
    from trainyard.formats.record import Record, SetOptions, one_class
    from trainyard.formats.registry import FORMATS
    from trainyard.graph.document import read_graph
    from trainyard.graph.rules import faults_of

    from tests.core.graph.graphs import doubling

FILES = {"recordio": "cache/data.rec", "lmdb": "data.mdb", "tfrecord": "data-00000.tfrecord", "webdataset": "data-00000.tar"}
_HOME = Path(tempfile.mkdtemp(prefix="trainyard-fuzz-"))


def a_list(data: bytes) -> None:
    """The reader, and a whole preparation by the other way of reading."""
    for _ in read_list(io.BytesIO(data)):
        pass
    (_HOME / "index.jsonl").write_bytes(data)
    with contextlib.suppress(UserError):
        DatasetFolder(_HOME).prepare()


def a_graph(data: bytes) -> None:
    """The parser, and the rules for what it takes."""
    with contextlib.suppress(ValueError, RecursionError):
        graph, _ = read_graph(json.loads(data))
        if graph is not None:
            faults_of(graph, {"classification.pulp": ["normal"]})


def a_set(name: str) -> Callable[[bytes], None]:
    """A reader of one format, over a data file of these bytes."""
    path = _HOME / name / FILES[name]
    path.parent.mkdir(parents=True)

    def read(data: bytes) -> None:
        path.write_bytes(data)
        with contextlib.suppress(UserError), FORMATS[name].reader(_HOME / name) as reader:
            list(reader.describe())
            list(reader)

    return read


def an_annotation(data: bytes) -> None:
    """VOC's XML."""
    with contextlib.suppress(BadAnnotation):
        read_annotation(data)


def a_picture(data: bytes) -> None:
    """Any bytes as a picture."""
    with contextlib.suppress(PictureProblem):
        decode_picture(data)


def seeds(target: str) -> list[bytes]:
    """Whole input to begin with: bytes that are nothing at all are refused at once."""
    if target == "list":
        return [NEW, OLD, NEW + OLD]
    if target == "graph":
        return [json.dumps(doubling()).encode()]
    if target == "voc":
        return [voc_xml("dog", "cat").encode()]
    if target == "picture":
        return [jpeg(orientation=6), encode_picture(np.zeros((9, 9, 3), np.uint8), 0, lossless=True)]
    (folder := _HOME / "seed").mkdir()
    writer = FORMATS[target].writer(folder, None, SetOptions("class", ("a", "b", "c")))
    for number in range(3):
        writer.add(Record(number, f"{number}.jpg", one_class(number), jpeg(), 3, 30, 40))
    writer.finish()
    writer.close()
    return [(folder / FILES[target]).read_bytes()]


NEW = b'{"url":"1.jpg","label":[{"name":"g","type":"detection","data":[{"class":"dog","bbox":[[1,1],[9,9]],"score":0.5}]}]}\n'
OLD = b'{"url":"2.jpg","label":{"class":{"s":"x"},"detect":{"g":{"bbox":[{"class":"a","pts":[[1,1],[9,9]]}]}}}}\n'
TARGETS = {"list": a_list, "graph": a_graph, "voc": an_annotation, "picture": a_picture}

if __name__ == "__main__":
    target = sys.argv.pop(1)
    corpus = Path(tempfile.mkdtemp(prefix="trainyard-corpus-"))
    for number, seed in enumerate(seeds(target)):
        (corpus / f"{number}").write_bytes(seed)
    # a header may tell 180 megapixels, which is allowed and takes four times its 540 MB
    sys.argv += [str(corpus), "-max_len=65536", "-rss_limit_mb=4096"]
    atheris.Setup(sys.argv, a_set(target) if target in FILES else TARGETS[target])
    atheris.Fuzz()
