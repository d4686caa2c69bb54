"""Frames of a real video, written by OpenCV: at the chosen rate, with the video's labels, after a crash from where it was."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from trainyard.datasets.folder import Stopped
from trainyard.datasets.following import Watch
from trainyard.datasets.sources import PictureProblem
from trainyard.errors import Invalid
from trainyard.formats.batch import write_batch
from trainyard.formats.registry import FORMATS
from trainyard.formats.video import frames

from tests.core.formats.pictures import labelled, make_list, plan_of, source_of

RATE, FRAMES = 10, 40


def write_video(path: Path, codec: str = "mp4v", count: int = FRAMES) -> Path:
    """``count`` frames at ten a second, each as bright as its number times six."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), RATE, (64, 48))
    for number in range(count):
        writer.write(np.full((48, 64, 3), number * 6, np.uint8))
    writer.release()
    return path


def with_video(folder: Path, pictures: int = 4) -> Path:
    listed = make_list(folder, pictures)
    write_video(folder / "pictures" / "film.mp4")
    with listed.open("a") as file:
        file.write(json.dumps({**json.loads(labelled("film.mp4", "dog")), "type": "video"}))
    return listed


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "mp4v"), ("a.avi", "MJPG"), ("a.mkv", "mp4v")])
@pytest.mark.parametrize(
    ("per_second", "expected"),
    [(1, [0, 1000, 2000, 3000]), (0.5, [0, 2000]), (4, [0, 300, 500, 800]), (100, [0, 100, 200, 300])],
)
def test_frames_are_taken_at_the_rate(tmp_path: Path, name: str, codec: str, per_second: float, expected: list[int]) -> None:
    with write_video(tmp_path / name, codec).open("rb") as file:
        taken = list(frames(file, per_second))
    assert [one.milliseconds for one in taken][: len(expected)] == expected
    assert len(taken) == min(FRAMES, round(per_second * FRAMES / RATE))
    assert all(abs(int(one.pixels.mean()) - one.milliseconds // 100 * 6) < 8 for one in taken)


def test_a_playlist_is_no_video(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n")
    with (tmp_path / "a.mp4").open("rb") as file, pytest.raises(PictureProblem, match="not a video"):
        list(frames(file, 1))


def test_a_video_that_is_cut_off_is_skipped(tmp_path: Path) -> None:
    listed = with_video(tmp_path)
    film = tmp_path / "pictures" / "film.mp4"
    film.write_bytes(film.read_bytes()[:60])
    manifest = write_batch(plan_of(listed, frames_per_second=1, bad_limit=1), source_of(listed), tmp_path / "batch")
    assert [(one.url, one.code) for one in manifest.skipped] == [("film.mp4", "video-broken")]


def test_frames_have_the_labels_of_their_video_and_its_name(tmp_path: Path) -> None:
    listed = with_video(tmp_path)
    plan = plan_of(listed, frames_per_second=2, shuffle=False, ratios={"train": 1.0}, formats=("lmdb",))
    manifest = write_batch(plan, source_of(listed), tmp_path / "batch")
    with FORMATS["lmdb"].reader(tmp_path / "batch" / "lmdb-train") as records:
        made = [(record.name, record.labels.indices) for record in records][4:]
    assert made == [(f"film.mp4@{500 * number}.jpg", (1,)) for number in range(8)]
    assert (manifest.planned, manifest.written, manifest.videos) == (5, 12, 0)


def test_without_a_rate_videos_are_left_out_and_counted(tmp_path: Path) -> None:
    listed = with_video(tmp_path)
    manifest = write_batch(plan_of(listed), source_of(listed), tmp_path / "batch")
    assert (manifest.written, manifest.videos) == (4, 1)


def test_a_list_of_videos_alone_needs_a_rate(tmp_path: Path) -> None:
    listed = with_video(tmp_path, 0)
    with pytest.raises(Invalid):
        write_batch(plan_of(listed), source_of(listed), tmp_path / "batch")


def test_a_stop_inside_of_a_video_goes_on_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainyard.formats.flow.TELL_SECONDS", 0)
    listed = with_video(tmp_path)
    plan = plan_of(listed, frames_per_second=10, formats=("recordio",), shuffle=False)
    write_batch(plan, source_of(listed), tmp_path / "whole")
    asked = iter(range(1000))
    with pytest.raises(Stopped):
        write_batch(plan, source_of(listed), tmp_path / "batch", Watch(should_stop=lambda: next(asked) > 20))
    write_batch(plan, source_of(listed), tmp_path / "batch")
    for split in ("train", "val"):
        made, whole = ((tmp_path / one / f"recordio-{split}/cache/data.rec").read_bytes() for one in ("batch", "whole"))
        assert made == whole
