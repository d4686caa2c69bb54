"""The formatted sets at ``/workspace/mnt/data/{train,val}`` as loaders: WebDataset by its own reader, all others by number."""

import json
import os
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
import webdataset
from torch.utils.data import DataLoader, DistributedSampler
from trainyard.formats.loading import FormattedDataset, format_of
from trainyard.training import replicas

LARGEST_EDGE = 224
FROM_THIS_EDGE = 64
"""Smaller pictures are read faster than handed over from another process."""


def exists(folder: Path) -> bool:
    """Whether a set is mounted at ``folder``."""
    return (folder / "labels.csv").is_file()


def edge_of(folder: Path, wanted: int | str) -> int:
    """``wanted``, or for "auto" the shorter edge of the first picture, at most 224."""
    return min(*FormattedDataset(folder)[0][0].shape[1:], LARGEST_EDGE) if wanted == "auto" else int(wanted)


def workers(edge: int, wanted: int | str) -> int:
    """How many processes read pictures beside the one that trains."""
    if wanted != "auto":
        return int(wanted)
    return 0 if edge < FROM_THIS_EDGE else max(1, min(4, len(os.sched_getaffinity(0)) - 1))


def loader(folder: Path, edge: int, params: dict, *, shuffle: bool) -> DataLoader:
    """Batches of pictures (n, 3, edge, edge), RGB from -1 to 1, and their classes (n)."""
    settings = {"batch_size": params["batch_size"], "num_workers": workers(edge, params["picture"]["workers"])}
    if shuffle and replicas.workers() > 1:
        # every replica gets as many pictures as the others, also where shards have not
        data = Numbered(folder, edge)
        return DataLoader(data, sampler=DistributedSampler(data, seed=params["seed"]), **settings)
    if format_of(folder) != "webdataset":
        return DataLoader(Numbered(folder, edge), shuffle=shuffle, **settings)
    shards = sorted(str(path) for path in folder.glob("*.tar"))
    # one process cannot share its shard with another
    settings["num_workers"] = min(settings["num_workers"], len(shards))
    # read by one replica alone, it is read whole
    data = webdataset.WebDataset(shards, shardshuffle=len(shards) if shuffle else False, nodesplitter=None, empty_check=False)
    if shuffle:
        data = data.shuffle(4000)
    return DataLoader(data.map(lambda sample: packed(sample, edge)), **settings)


class Numbered(FormattedDataset):
    """Any format, as tensors."""

    def __init__(self, folder: Path, edge: int) -> None:
        super().__init__(folder, size=(edge, edge))

    def __getitem__(self, number: int):
        picture, label = super().__getitem__(number)
        return torch.from_numpy(picture) * 2 - 1, label


def packed(sample: dict, edge: int):
    """A sample of a WebDataset as picture and class."""
    encoded = np.frombuffer(sample.get("jpg") or sample["png"], np.uint8)
    picture = cv2.resize(cv2.imdecode(encoded, cv2.IMREAD_COLOR), (edge, edge))[:, :, ::-1].transpose(2, 0, 1)
    return torch.from_numpy(picture / np.float32(127.5) - 1), int(json.loads(sample["cls"]))


def varied(pictures: torch.Tensor, params: dict) -> torch.Tensor:
    """Each picture moved by some pixels, and some mirrored."""
    most, edge = params["shift"], pictures.shape[-1]
    padded = F.pad(pictures, [most] * 4, value=-1.0)
    corners = torch.randint(0, 2 * most + 1, (len(pictures), 2)).tolist()
    moved = torch.stack([padded[n, :, y : y + edge, x : x + edge] for n, (y, x) in enumerate(corners)])
    mirrored = torch.rand(len(moved), 1, 1, 1, device=moved.device) < (0.5 if params["mirror"] else 0.0)
    return torch.where(mirrored, moved.flip(3), moved)
