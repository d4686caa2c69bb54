"""A small convolutional network: stages of convolution, normalisation and pooling until the picture is tiny."""

from mindspore import nn


def build(classes: int, edge: int, channels: int, dropout: float) -> nn.SequentialCell:
    """Scores of ``classes`` for pictures (n, 3, edge, edge); ``channels`` of the first stage double with each further one."""
    cells, inputs = [], 3
    while edge > 3:
        outputs = min(channels, 256)
        cells += [nn.Conv2d(inputs, outputs, 3, pad_mode="same"), nn.MaxPool2d(2, 2), nn.BatchNorm2d(outputs), nn.ReLU()]
        edge, inputs, channels = edge // 2, outputs, channels * 2
    cells += [nn.Flatten(), nn.Dense(inputs * edge * edge, 128), nn.ReLU(), nn.Dropout(p=dropout), nn.Dense(128, classes)]
    return nn.SequentialCell(cells)
