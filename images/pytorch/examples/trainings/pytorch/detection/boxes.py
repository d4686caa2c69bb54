"""Boxes as the network learns them, boxes out of what it says, and how good these are."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from network import STRIDE

MOST = 50


def wanted(targets: list[dict], classes: int, places: int) -> tuple[torch.Tensor, ...]:
    """For a batch: heat (n, classes, p, p), 1 at centres; distances (n, 4, p, p); and where they count (n, 1, p, p)."""
    heat = np.zeros((len(targets), classes, places, places), np.float32)
    edges = np.zeros((len(targets), 4, places, places), np.float32)
    centres = np.zeros((len(targets), 1, places, places), np.float32)
    rows, columns = np.mgrid[:places, :places]
    for number, target in enumerate(targets):
        for (xmin, ymin, xmax, ymax), label in zip(target["boxes"], target["labels"], strict=True):
            x, y = (min(places - 1, int((low + high) / 2 / STRIDE)) for low, high in ((xmin, xmax), (ymin, ymax)))
            spread = max(1.0, math.sqrt((xmax - xmin) * (ymax - ymin)) / STRIDE / 8)
            around = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * spread**2))
            heat[number, label] = np.maximum(heat[number, label], around)
            middle = ((x + 0.5) * STRIDE, (y + 0.5) * STRIDE)
            edges[number, :, y, x] = (middle[0] - xmin, middle[1] - ymin, xmax - middle[0], ymax - middle[1])
            centres[number, 0, y, x] = 1
    return tuple(map(torch.from_numpy, (heat, edges.clip(min=0), centres)))


def found(output: tuple[torch.Tensor, torch.Tensor], least: float = 0.05) -> list[dict[str, np.ndarray]]:
    """For each picture boxes (n, 4), labels (n) and scores (n), the surest first: the places surer than their neighbours."""
    scores, distances = output[0].sigmoid(), output[1]
    scores = scores * (F.max_pool2d(scores, 3, 1, 1) == scores)
    best, places = scores.flatten(1).topk(min(MOST, scores[0].numel()))
    area, width = scores.shape[2] * scores.shape[3], scores.shape[3]
    result = []
    for number, place in enumerate(places):
        label, rest = place // area, place % area
        x, y = (rest % width + 0.5) * STRIDE, (rest // width + 0.5) * STRIDE
        left, top, right, bottom = distances[number].flatten(1)[:, rest]
        boxes = torch.stack([x - left, y - top, x + right, y + bottom], 1)
        sure = best[number] >= least
        result.append({"boxes": boxes[sure].numpy(), "labels": label[sure].numpy(), "scores": best[number][sure].numpy()})
    return result


def average_precision(answers: list[dict], truths: list[dict], classes: int) -> float:
    """Mean over the classes of the average precision at an overlap of one half (the area under the precision envelope)."""
    values = [_of_class(label, answers, truths) for label in range(classes)]
    values = [value for value in values if value is not None]
    return float(np.mean(values)) if values else 0.0


def _of_class(label: int, answers: list[dict], truths: list[dict]) -> float | None:
    total, marks = 0, []
    for answer, truth in zip(answers, truths, strict=True):
        real = truth["boxes"][truth["labels"] == label]
        total, taken = total + len(real), set()
        mine = answer["labels"] == label
        for box, score in zip(answer["boxes"][mine], answer["scores"][mine], strict=True):
            overlaps = overlap(box, real)
            best = int(overlaps.argmax()) if len(real) else -1
            right = best >= 0 and overlaps[best] >= 0.5 and best not in taken
            taken.update([best] if right else [])
            marks.append((score, right))
    if not total:
        return None
    right = np.cumsum([right for _, right in sorted(marks, key=lambda mark: -mark[0])])
    precision = np.maximum.accumulate((right / np.arange(1, len(right) + 1))[::-1])[::-1]
    return float(np.sum(np.diff(right / total, prepend=0) * precision))


def overlap(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Intersection over union of ``box`` (4) with each of ``others`` (n, 4)."""
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=1)
    areas = np.prod(others[:, 2:] - others[:, :2], axis=1)
    return shared / (np.prod(box[2:] - box[:2]) + areas - shared + 1e-9)
