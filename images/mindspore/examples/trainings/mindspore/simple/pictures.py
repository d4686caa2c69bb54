"""The formatted sets at ``/workspace/mnt/data/{train,val}`` as MindSpore datasets; any format, read by number."""

from pathlib import Path

import numpy as np
from mindspore import dataset
from trainyard.formats.loading import FormattedDataset

LARGEST_EDGE = 224


def exists(folder: Path) -> bool:
    """Whether a set is mounted at ``folder``."""
    return (folder / "labels.csv").is_file()


def edge_of(folder: Path, wanted: int | str) -> int:
    """``wanted``, or for "auto" the shorter edge of the first picture, at most 224."""
    return min(*FormattedDataset(folder)[0][0].shape[1:], LARGEST_EDGE) if wanted == "auto" else int(wanted)


class Varied:
    """Pictures (3, edge, edge), RGB from -1 to 1, and their classes; in training each is moved by some pixels."""

    def __init__(self, folder: Path, edge: int, shift: int) -> None:
        self.data = FormattedDataset(folder, size=(edge, edge))
        self.edge, self.shift = edge, shift
        self.dice = np.random.default_rng()

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.int32]:
        picture, label = self.data[number]
        padded = np.pad(picture * 2 - 1, ((0, 0), (self.shift,) * 2, (self.shift,) * 2), constant_values=-1)
        y, x = self.dice.integers(0, 2 * self.shift + 1, 2)
        return padded[:, y : y + self.edge, x : x + self.edge], np.int32(label)


def batches(folder: Path, edge: int, params: dict, *, training: bool) -> dataset.Dataset:
    """Batches of pictures (n, 3, edge, edge) and their classes (n)."""
    source = Varied(folder, edge, params["picture"]["shift"] if training else 0)
    data = dataset.GeneratorDataset(source, ["picture", "label"], shuffle=training, python_multiprocessing=False)
    # one graph for batches of one size
    return data.batch(params["batch_size"], drop_remainder=training)
