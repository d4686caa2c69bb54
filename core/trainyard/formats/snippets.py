"""A few lines per framework that read a set where jobs and workspaces see it; ``{folder}`` is the set's folder."""

from __future__ import annotations

RECORDIO_SNIPPETS = {
    "mxnet": """import mxnet as mx

folder = "{folder}"
classes = sum(1 for _ in open(folder + "/labels.csv"))
data = mx.io.ImageRecordIter(
    path_imgrec=folder + "/cache/data.rec",
    path_imgidx=folder + "/cache/data.idx",
    data_shape=(3, 224, 224),  # channels, height, width; pictures are cropped to it
    batch_size=32,
    shuffle=True,
)
""",
    "python": """from pathlib import Path

from trainyard.formats.recordio.reader import RecordIOReader

with RecordIOReader(Path("{folder}")) as records:
    for record in records:
        print(record.number, record.labels, len(record.picture))
""",
}
LMDB_SNIPPETS = {
    "pytorch": """from pathlib import Path

import cv2, numpy as np, torch
from trainyard.formats.lmdb.reader import LmdbReader


class LmdbDataset(torch.utils.data.Dataset):
    def __init__(self, folder, shape=(224, 224)):
        self.records, self.shape = LmdbReader(Path(folder)), shape

    def __len__(self):
        return len(self.records)

    def __getitem__(self, number):
        record = self.records[number]
        picture = cv2.imdecode(np.frombuffer(record.picture, np.uint8), cv2.IMREAD_COLOR)
        picture = cv2.resize(picture, self.shape)[:, :, ::-1].transpose(2, 0, 1)
        return torch.from_numpy(picture / np.float32(255)), int(record.labels[0])


data = torch.utils.data.DataLoader(LmdbDataset("{folder}"), batch_size=32, shuffle=True)
""",
    "caffe": """layer {
  name: "data" type: "Data" top: "data" top: "label"
  data_param { source: "{folder}" backend: LMDB batch_size: 32 }
  transform_param { crop_size: 224 mirror: true }
}
""",
}


def loader(snippet: str, folder: str) -> str:
    """``snippet`` for the set in ``folder``."""
    return snippet.replace("{folder}", folder)
