"""A batch holds identical samples in every format, survives every end, and is visible whole or not at all."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from trainyard.datasets.folder import Stopped
from trainyard.datasets.following import Step, Watch
from trainyard.errors import Invalid, UserError
from trainyard.formats.batch import write_batch
from trainyard.formats.job import JobSpec, encode_spec
from trainyard.formats.labels import read_labels
from trainyard.formats.picture import Recipe
from trainyard.formats.record import Labels, several_classes
from trainyard.formats.registry import FORMATS

from tests.core.formats.pictures import encoded, labelled, make_list, plan_of, source_of

HOLD_CLASSES = tuple(name for name, one in FORMATS.items() if "class" in one.accepts)


def contents(folder: Path, name: str) -> list[tuple[Labels, bytes]]:
    with FORMATS[name.split("-", maxsplit=1)[0]].reader(folder / name) as records:
        return [(record.labels, record.picture) for record in records]


@contextmanager
def refused_with(code: str) -> Iterator[pytest.ExceptionInfo[Invalid]]:
    with pytest.raises(Invalid) as refused:
        yield refused
    assert refused.value.code == code


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.glob("recordio-*/cache/*")))
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.parametrize("split", ["train", "val"])
def test_every_format_holds_the_same_samples_in_the_same_order(tmp_path: Path, split: str) -> None:
    listed = make_list(tmp_path)
    plan = plan_of(listed, formats=HOLD_CLASSES, recipe=Recipe("24"))
    write_batch(plan, source_of(listed), tmp_path / "batch")
    made = [contents(tmp_path / "batch", f"{name}-{split}") for name in HOLD_CLASSES]
    assert len(made[0]) == (16 if split == "train" else 4)
    assert all(one == made[0] for one in made)


@pytest.mark.parametrize("name", HOLD_CLASSES)
def test_readers_find_a_record_by_its_number(tmp_path: Path, name: str) -> None:
    listed = make_list(tmp_path)
    write_batch(plan_of(listed, shuffle=False, formats=(name,)), source_of(listed), tmp_path / "batch")
    with FORMATS[name].reader(tmp_path / "batch" / f"{name}-train") as records:
        assert records[5].picture == (tmp_path / "pictures" / "00005.jpg").read_bytes()


def test_the_number_of_workers_changes_nothing(tmp_path: Path) -> None:
    listed = make_list(tmp_path, 40)
    for workers in (1, 3):
        write_batch(plan_of(listed), source_of(listed), tmp_path / str(workers), workers=workers)
    assert digests(tmp_path / "1") == digests(tmp_path / "3")


def test_several_classes_a_picture_become_one_number_per_class(tmp_path: Path) -> None:
    listed = make_list(tmp_path, 4)
    with listed.open("a") as file:
        file.write(labelled("00000.jpg", "dog", "cat"))
    write_batch(plan_of(listed, shuffle=False, ratios={"train": 1.0}), source_of(listed), tmp_path / "batch")
    found = [labels for labels, _ in contents(tmp_path / "batch", "lmdb-train")]
    assert found[-2:] == [several_classes((0, 1)), several_classes((1, 1))]


def test_labels_are_written_beside_every_set(tmp_path: Path) -> None:
    listed = make_list(tmp_path, 6, ("b,1", '"猫"', "a"))
    write_batch(plan_of(listed), source_of(listed), tmp_path / "batch")
    for name in ("recordio-train", "lmdb-val"):
        assert read_labels(tmp_path / "batch" / name) == ['"猫"', "a", "b,1"]


def test_the_set_says_what_it_is(tmp_path: Path) -> None:
    listed = make_list(tmp_path)
    manifest = write_batch(plan_of(listed, recipe=Recipe("24")), source_of(listed), tmp_path / "batch")
    said = json.loads((tmp_path / "batch" / "recordio-val" / "set.json").read_text())
    assert (said["batchVersion"], said["conf"]["range"], said["stats"]) == (
        manifest.batch,
        "16-20",
        {"numOfSamples": 4, "numOfClasses": 2},
    )


def test_bad_pictures_are_skipped_and_listed(tmp_path: Path) -> None:
    listed = make_list(tmp_path)
    (tmp_path / "pictures" / "00003.jpg").write_bytes(encoded()[:-50])
    (tmp_path / "pictures" / "00004.jpg").unlink()
    manifest = write_batch(plan_of(listed, bad_limit=0.1), source_of(listed), tmp_path / "batch")
    assert sorted((one.line, one.code) for one in manifest.skipped) == [(4, "picture-truncated"), (5, "picture-missing")]
    assert manifest.written == 18


def test_too_many_bad_pictures_leave_nothing(tmp_path: Path) -> None:
    listed = make_list(tmp_path)
    for number in range(3):
        (tmp_path / "pictures" / f"{number:05d}.jpg").write_bytes(b"")
    with refused_with("too-many-bad-pictures") as refused:
        write_batch(plan_of(listed, bad_limit=0.1), source_of(listed), tmp_path / "batch")
    assert refused.value.values["bad"] == 3
    assert not list((tmp_path / "batch").iterdir())


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"ratios": {"train": 0.5}}, "ratios"),
        ({"formats": ("rar",)}, "format"),
        ({"formats": ()}, "formats-empty"),
        ({"recipe": Recipe("big")}, "resize"),
        ({"batch": "../x"}, "batch-id"),
    ],
)
def test_impossible_plans_are_refused(tmp_path: Path, more: dict[str, object], code: str) -> None:
    listed = make_list(tmp_path, 2)
    with pytest.raises(Invalid) as refused:
        write_batch(plan_of(listed, **more), source_of(listed), tmp_path / "batch")
    assert refused.value.code == code


def test_another_label_set_is_refused_with_those_there_are(tmp_path: Path) -> None:
    listed = make_list(tmp_path, 2)
    chosen = msgspec.structs.replace(plan_of(listed), label_set="classification.plant")
    with refused_with("label-set-unknown") as refused:
        write_batch(chosen, source_of(listed), tmp_path / "batch")
    assert refused.value.values["others"] == "classification.animal"


@pytest.mark.parametrize("lines", [[], ['{"url":"a.jpg","type":"image"}']])
def test_lists_without_labels_are_refused(tmp_path: Path, lines: list[str]) -> None:
    (tmp_path / "index.jsonl").write_text("\n".join(lines))
    with refused_with("list-without-labels"):
        write_batch(plan_of(tmp_path / "index.jsonl"), source_of(tmp_path / "index.jsonl"), tmp_path / "batch")


@pytest.mark.parametrize(("count", "ratios"), [(1, {"train": 0.8, "val": 0.2}), (5, {"train": 0.0, "val": 1.0})])
def test_a_split_without_samples_is_not_written(tmp_path: Path, count: int, ratios: dict[str, float]) -> None:
    listed = make_list(tmp_path, count)
    manifest = write_batch(plan_of(listed, ratios=ratios), source_of(listed), tmp_path / "batch")
    assert {one.samples for one in manifest.sets} == {count}


def test_a_finished_batch_is_left_as_it_is(tmp_path: Path) -> None:
    listed = make_list(tmp_path, 4)
    first = write_batch(plan_of(listed), source_of(listed), tmp_path / "batch")
    assert write_batch(plan_of(listed), source_of(listed), tmp_path / "batch") == first


def stop_after(turns: int) -> Watch:
    told = itertools.count()
    return Watch(lambda step: None, lambda: next(told) > turns)


def test_a_stopped_batch_shows_nothing_and_goes_on_with_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainyard.formats.flow.TELL_SECONDS", 0)
    listed = make_list(tmp_path, 60)
    write_batch(plan_of(listed), source_of(listed), tmp_path / "whole")
    with pytest.raises(Stopped):
        write_batch(plan_of(listed), source_of(listed), tmp_path / "batch", stop_after(23))
    assert [path.name for path in (tmp_path / "batch").iterdir()] == [".part"]
    steps: list[Step] = []
    write_batch(plan_of(listed), source_of(listed), tmp_path / "batch", Watch(steps.append))
    assert steps[0].done > 20
    assert digests(tmp_path / "batch") == digests(tmp_path / "whole")
    assert contents(tmp_path / "batch", "lmdb-train") == contents(tmp_path / "whole", "lmdb-train")


def test_a_stop_with_discard_leaves_nothing(tmp_path: Path) -> None:
    listed = make_list(tmp_path, 4)
    with pytest.raises(Stopped):
        write_batch(plan_of(listed), source_of(listed), tmp_path / "b", Watch(should_stop=lambda: True, discard=lambda: True))
    assert not list((tmp_path / "b").iterdir())


def job(tmp_path: Path, count: int, name: str = "batch") -> list[str]:
    """The command of a format job over ``count`` lines; one picture in fifty is cut off."""
    if not (tmp_path / "index.jsonl").exists():
        make_list(tmp_path, 50)
        lines = (tmp_path / "index.jsonl").read_text().splitlines()
        (tmp_path / "index.jsonl").write_text("\n".join(itertools.islice(itertools.cycle(lines), count)))
        (tmp_path / "pictures" / "00003.jpg").write_bytes(encoded()[:-50])
    roots = {"": tmp_path / "pictures"}
    plan = plan_of(tmp_path / "index.jsonl", recipe=Recipe("300"), bad_limit=1)
    spec = JobSpec(plan, tmp_path / name, roots, tmp_path / f"{name}.progress.json")
    (tmp_path / f"{name}.json").write_bytes(encode_spec(spec))
    return [sys.executable, "-m", "trainyard.formats.job", str(tmp_path / f"{name}.json")]


def progress(tmp_path: Path, name: str = "batch") -> dict[str, object]:
    found: dict[str, object] = json.loads((tmp_path / f"{name}.progress.json").read_text())
    return found


def run_job(argv: list[str], checkpoint_seconds: float = 0.05) -> subprocess.Popen[bytes]:
    code = (
        "import sys, trainyard.formats.flow as flow; from trainyard.formats.job import main;"
        f"flow.CHECKPOINT_SECONDS = {checkpoint_seconds}; flow.TELL_SECONDS = 0.02; sys.exit(main(sys.argv))"
    )
    return subprocess.Popen([sys.executable, "-c", code, argv[-1]])


def test_a_terminated_job_says_stopped_and_goes_on(tmp_path: Path) -> None:
    argv = job(tmp_path, 3000)
    running = run_job(argv)
    while not (tmp_path / "batch" / ".part" / "checkpoint.json").exists():
        time.sleep(0.02)
    running.send_signal(signal.SIGTERM)
    assert running.wait() == 3
    assert progress(tmp_path)["state"] == "stopped"


def test_a_job_tells_that_it_is_done(tmp_path: Path) -> None:
    assert subprocess.run(job(tmp_path, 50)).returncode == 0
    told = progress(tmp_path)
    assert (told["state"], told["done"], told["total"], told["skipped"]) == ("done", 50, 50, 1)


def test_a_refused_job_tells_why(tmp_path: Path) -> None:
    argv = job(tmp_path, 50)
    (tmp_path / "index.jsonl").write_text("")
    assert subprocess.run(argv, capture_output=True).returncode == 2
    assert progress(tmp_path)["error"]["code"] == "list-without-labels"  # type: ignore[index]


def test_a_full_disk_is_said_and_leaves_older_sets_alone(tmp_path: Path) -> None:
    listed = make_list(tmp_path, 40)
    write_batch(plan_of(listed), source_of(listed), tmp_path / "old")
    before = digests(tmp_path / "old")
    if pid := os.fork():
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    else:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
        try:
            write_batch(plan_of(listed, formats=("recordio",)), source_of(listed), tmp_path / "new")
        except UserError as error:
            os._exit(0 if error.code == "disk-full" and not list((tmp_path / "new").iterdir()) else 1)
        os._exit(2)
    assert digests(tmp_path / "old") == before


@pytest.mark.root
def test_a_small_disk_is_refused_before_it_is_full(tmp_path: Path, small_disk: Path) -> None:
    listed = make_list(tmp_path, 1000)
    with pytest.raises(UserError) as refused:
        write_batch(plan_of(listed), source_of(listed), small_disk / "batch")
    assert refused.value.code in {"disk-short", "disk-full"}
