"""The picture grid over a list of 1,000,000 lines: any page, and any page of one class, at the API through the proxy.

The slowest of many requests counts, against 0.3 s and 0.5 s.
"""

from __future__ import annotations

import time
from random import Random
from typing import TYPE_CHECKING

from benchmarks.listing import LINES, three_boxes, write_list
from tests.browser.running import RunningPlatform

if TYPE_CHECKING:
    from benchmarks.run import Row

PAGE, REQUESTS = 60, 40


def rows() -> list[Row]:
    """The slowest page of the whole list, and of one class."""
    platform = RunningPlatform()
    try:
        platform.start()
        path = f"/datasets/{_make(platform)}/samples?limit={PAGE}"
        random = Random(2)
        pages = [f"&offset={random.randrange(LINES)}" for _ in range(REQUESTS)] + [f"&offset={LINES - 10}", "&offset=0"]
        classes = [
            f"&label_set=detection.general&class=class{random.randrange(20)}&offset={random.randrange(LINES // 8)}"
            for _ in range(REQUESTS)
        ]
        return [
            _row("any page of the grid, 1,000,000 lines", max(_seconds(platform, path + page) for page in pages), 0.3),
            _row("a page of one class, 1,000,000 lines", max(_seconds(platform, path + page) for page in classes), 0.5),
        ]
    finally:
        platform.stop()


def _make(platform: RunningPlatform) -> str:
    """A dataset of a list on the share of a group that the administrator is in; its id."""
    group = platform.ask("POST", "/groups", {"name": "bench"})
    platform.ask("PUT", "/groups/bench/members/1", {})
    own = platform.home / "volume" / "groups" / str(group["id"]) / "admin"
    write_list(own / "list.jsonl", three_boxes).chmod(0o644)
    source = {"kind": "share", "group": "bench", "path": "admin/list.jsonl"}
    made = platform.ask("POST", "/datasets", {"name": "million", "source": source})

    def ready() -> bool:
        return bool(platform.ask("GET", f"/datasets/{made['id']}")["state"] == "ready")

    platform.wait_for("the dataset", ready, 300)
    return str(made["id"])


def _seconds(platform: RunningPlatform, path: str) -> float:
    start = time.perf_counter()
    page = platform.ask("GET", path)
    if not page["items"]:
        raise AssertionError(f"{path} is empty")
    return time.perf_counter() - start


def _row(name: str, ours: float, limit: float) -> Row:
    return {"name": name, "ours": ours, "peer": limit, "unit": "s", "ratio": limit / ours, "reach": 1.0}
