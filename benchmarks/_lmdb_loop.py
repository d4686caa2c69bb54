"""What a person writes to make an LMDB of resized pictures: OpenCV in a process pool, 1,000 records a transaction.

``python -m benchmarks._lmdb_loop FOLDER TARGET``
"""

from __future__ import annotations

import sys
from multiprocessing import Pool
from pathlib import Path

import cv2
import lmdb

WORKERS, TRANSACTION = 2, 1000


def convert(path: str) -> bytes:
    """One picture, its shorter edge 256."""
    pixels = cv2.imread(path)
    height, width = pixels.shape[:2]
    size = (256, height * 256 // width) if width < height else (width * 256 // height, 256)
    return bytes(cv2.imencode(".jpg", cv2.resize(pixels, size), [cv2.IMWRITE_JPEG_QUALITY, 95])[1])


if __name__ == "__main__":
    cv2.setNumThreads(1)
    paths = sorted(str(path) for path in Path(sys.argv[1]).iterdir())
    environment = lmdb.open(sys.argv[2], map_size=1 << 36)
    transaction = environment.begin(write=True)
    with Pool(WORKERS) as pool:
        for number, data in enumerate(pool.imap(convert, paths)):
            transaction.put(b"%08d" % number, data)
            if (number + 1) % TRANSACTION == 0:
                transaction.commit()
                transaction = environment.begin(write=True)
    transaction.commit()
    environment.sync(True)
