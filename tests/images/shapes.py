"""Pictures that are made: coloured shapes on noise, with their boxes, as a labelled list."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np

EDGE = 64
CLASSES = ("disc", "bar")
LABEL_SET = "detection.shapes"


def make_shapes(folder: Path, count: int) -> Path:
    """``count`` pictures below ``folder``/pictures with one to three shapes each, and their list."""
    dice = np.random.default_rng(5)
    (folder / "pictures").mkdir(parents=True)
    with (folder / "index.jsonl").open("w") as file:
        for number in range(count):
            picture = dice.integers(0, 60, (EDGE, EDGE, 3)).astype(np.uint8)
            boxes = [_draw(picture, dice) for _ in range(dice.integers(1, 4))]
            cv2.imwrite(str(folder / "pictures" / f"{number:05d}.png"), picture)
            label = [{"name": "shapes", "type": "detection", "data": boxes}]
            file.write(json.dumps({"url": f"{number:05d}.png", "type": "image", "label": label}) + "\n")
    return folder / "index.jsonl"


def _draw(picture: np.ndarray, dice: np.random.Generator) -> dict[str, object]:
    """A green disc or a red bar; what lies below is painted over."""
    kind = int(dice.integers(2))
    x, y = (int(value) for value in dice.integers(10, EDGE - 10, 2))
    if kind == 0:
        half = width = int(dice.integers(5, 9))
        cv2.circle(picture, (x, y), half, (60, 220, 60), -1)
    else:
        half, width = (int(value) for value in dice.integers(4, 9, 2))
        cv2.rectangle(picture, (x - half, y - width), (x + half, y + width), (60, 60, 220), -1)
    return {"class": CLASSES[kind], "bbox": [[x - half, y - width], [x + half, y + width]]}
