"""A small convolutional network: stages of convolution, normalisation and pooling until the picture is tiny."""

from torch import nn


def stage(inputs: int, outputs: int) -> nn.Sequential:
    """Halve the edge of a batch (pictures, channels, edge, edge); pooled first, the rest costs a quarter."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.MaxPool2d(2), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


def build(classes: int, edge: int, channels: int, dropout: float) -> nn.Sequential:
    """Scores of ``classes`` for pictures of ``edge`` pixels; ``channels`` of the first stage double with each further one."""
    layers, inputs = [], 3
    while edge > 3:
        layers.append(stage(inputs, min(channels, 256)))
        edge, inputs, channels = edge // 2, min(channels, 256), channels * 2
    layers += [nn.Flatten(), nn.Linear(inputs * edge * edge, 128), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, nn.Dropout(dropout), nn.Linear(128, classes))
