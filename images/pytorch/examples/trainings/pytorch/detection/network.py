"""A detector without anchors: at every fourth pixel a score for each class, and how far the four edges of its box are.

After Zhou and others, "Objects as Points", and Tian and others, "FCOS": an object is found at its centre.
"""

import torch
import torch.nn.functional as F
from torch import nn

STRIDE = 4


def block(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """Convolution, normalisation, ReLU."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class Detector(nn.Module):
    """Pictures (n, 3, edge, edge) to scores (n, classes, edge/4, edge/4) and distances (n, 4, edge/4, edge/4) in pixels."""

    def __init__(self, classes: int, channels: int) -> None:
        super().__init__()
        self.near = nn.Sequential(block(3, channels, 2), block(channels, 2 * channels, 2), block(2 * channels, 2 * channels))
        self.far = nn.Sequential(
            block(2 * channels, 4 * channels, 2), block(4 * channels, 4 * channels), block(4 * channels, 2 * channels)
        )
        self.join = block(2 * channels, 2 * channels)
        self.scores = nn.Conv2d(2 * channels, classes, 1)
        self.distances = nn.Conv2d(2 * channels, 4, 1)
        # at first nothing is an object: almost all places are none
        nn.init.constant_(self.scores.bias, -4.0)

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """See the class."""
        near = self.near(pictures)
        far = F.interpolate(self.far(near), size=near.shape[2:], mode="nearest")
        joined = self.join(near + far)
        return self.scores(joined), F.softplus(self.distances(joined)) * STRIDE


def loss_of(output: tuple[torch.Tensor, torch.Tensor], wanted: tuple[torch.Tensor, ...]) -> torch.Tensor:
    """Focal loss of the scores (a place near a centre counts less as a miss) and L1 of the distances at the centres."""
    scores, distances = output
    heat, edges, centres = wanted
    found = scores.sigmoid().clamp(1e-4, 1 - 1e-4)
    is_centre = heat == 1
    hit = is_centre * (1 - found) ** 2 * found.log()
    miss = ~is_centre * (1 - heat) ** 4 * found**2 * (1 - found).log()
    count = is_centre.sum().clamp(min=1)
    apart = F.l1_loss(distances, edges, reduction="none") * centres
    return -(hit + miss).sum() / count + 0.1 * apart.sum() / centres.sum().clamp(min=1)
