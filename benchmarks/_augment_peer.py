"""The peer of benchmarks/graph.py, run in its own environment: albumentations in a process pool, OpenCV decodes and encodes.

``python _augment_peer.py FROM TO WORKERS`` makes one new picture of every picture in FROM. The operations, their ranges and
their order are those of our graph; OpenCV's own threads are off, as processes use all cores.
"""

import multiprocessing
import os
import sys
from pathlib import Path

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"

import albumentations
import cv2

SEED = 7
CHAIN = albumentations.Compose(
    [
        albumentations.Rotate(limit=(-30, 30), border_mode=cv2.BORDER_CONSTANT, p=1),
        albumentations.CropAndPad(percent=(-0.2, 0.0), keep_size=False, p=1),
        albumentations.Resize(224, 224, p=1),
        albumentations.RandomBrightnessContrast(brightness_limit=(-0.157, 0.157), contrast_limit=(0, 0), p=1),
        albumentations.GaussianBlur(blur_limit=0, sigma_limit=(0.5, 2.0), p=1),
        albumentations.HorizontalFlip(p=1),
    ],
    seed=SEED,
)


def begin() -> None:
    """At the start of a process: no threads beside it."""
    cv2.setNumThreads(1)


def one(paths: tuple[str, str]) -> None:
    """Read, change and write one picture."""
    picture = cv2.imread(paths[0])
    cv2.imwrite(paths[1], CHAIN(image=picture)["image"], [cv2.IMWRITE_JPEG_QUALITY, 95])


def main() -> None:
    """All pictures, in pieces of 8."""
    source, target, workers = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    target.mkdir()
    names = sorted(path.name for path in source.iterdir())
    with multiprocessing.Pool(workers, begin) as pool:
        for _ in pool.imap(one, [(str(source / name), str(target / name)) for name in names], chunksize=8):
            pass


if __name__ == "__main__":
    main()
