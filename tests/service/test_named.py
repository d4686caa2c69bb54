"""Whether a list names a url: a job asks by many threads at once, from the first moment on, and never hears a wrong no."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pytest
from trainyard.datasets.folder import DatasetFolder
from trainyard.home import Home
from trainyard_service.datasets import named
from trainyard_service.datasets.named import is_named, names_objects

URLS = [f"http://somewhere/{n}.png" for n in range(200)]
THREADS = 8


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def listed(home: Home, dataset: str) -> str:
    folder = home.dataset(dataset)
    folder.mkdir(parents=True)
    (folder / "index.jsonl").write_text("".join(json.dumps({"url": url}) + "\n" for url in URLS))
    return dataset


def test_many_who_ask_first_at_the_same_time_hear_the_truth(home: Home) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        for turn in range(5):
            dataset, together = listed(home, f"{turn:016x}"), Barrier(THREADS)

            def ask(number: int, dataset: str = dataset, together: Barrier = together) -> bool:
                together.wait()
                return is_named(home, dataset, URLS[number])

            assert all(pool.map(ask, range(THREADS)))


def test_another_service_may_make_the_same_file_at_any_moment(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has another key: what was read of one belongs to what was read of the same."""
    dataset = listed(home, "d" * 16)
    mapped = np.memmap

    def another_comes(*arguments: Any, **options: Any) -> Any:
        found = mapped(*arguments, **options)
        named._make(home.dataset(dataset) / "index.jsonl", home.root / "cache/urls" / dataset)
        return found

    monkeypatch.setattr(np, "memmap", another_comes)
    assert all(is_named(home, dataset, url) for url in URLS[:5])


def test_what_a_list_does_not_name_and_a_list_that_is_gone(home: Home) -> None:
    dataset = listed(home, "d" * 16)
    assert not is_named(home, dataset, "http://somewhere/200.png")
    assert not is_named(home, "e" * 16, URLS[0])
    assert not (home.root / "cache/urls" / ("e" * 16)).exists()


@pytest.mark.parametrize(
    ("url", "expected"),
    [("s3://b/1.png", True), ("qiniu:\\/\\/\\/b\\/1.png", True), ("http://x/s3://b/1.png", False), ("1.png", False)],
)
@pytest.mark.parametrize("counted", [True, False])
def test_whether_a_list_names_objects_is_known_by_its_statistics(home: Home, url: str, expected: bool, counted: bool) -> None:
    folder = DatasetFolder(home.dataset("0" * 16))
    folder.path.mkdir(parents=True)
    folder.list_path.write_text(f'{{"url": "{url}"}}\n')
    if counted:
        folder.prepare()
        folder.list_path.unlink()
    elif url.startswith("http"):
        expected = True  # a look at the text alone is on the safe side
    assert names_objects(home, "0" * 16) is expected
