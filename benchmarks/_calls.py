"""The bare calls, as a process: read, decode, resize and encode every picture on two threads; nothing is written.

``python -m benchmarks._calls FOLDER EDGE``
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import simplejpeg

WORKERS, EDGE = 2, int(sys.argv[2]) if len(sys.argv) > 2 else 256


def convert(path: Path) -> int:
    """One picture; the bytes it makes."""
    data = path.read_bytes()
    height, width, _, _ = simplejpeg.decode_jpeg_header(data)
    size = (EDGE, height * EDGE // width) if width < height else (width * EDGE // height, EDGE)
    pixels = simplejpeg.decode_jpeg(
        data, "BGR", min_width=min(size[0], width), min_height=min(size[1], height), fastupsample=True, min_factor=2
    )
    resized = cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR)
    return len(cv2.imencode(".jpg", resized, [cv2.IMWRITE_JPEG_QUALITY, 95])[1])


if __name__ == "__main__":
    cv2.setNumThreads(1)
    with ThreadPoolExecutor(WORKERS) as pool:
        print(sum(pool.map(convert, sorted(Path(sys.argv[1]).iterdir()))))
