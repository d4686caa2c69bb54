"""What the built-in patterns and people's own find in real output, and what a hostile pattern or program can do."""

from __future__ import annotations

import pytest
from trainyard.errors import Invalid
from trainyard.training.log_reader import MOST_TAGS, LogReader
from trainyard.training.patterns import MOST_PATTERNS, compiled

CAFFE = """\
I1121 10:00:00.100000  1234 solver.cpp:330] Iteration 0, Testing net (#0)
I1121 10:00:01.100000  1234 solver.cpp:397]     Test net output #0: accuracy = 0.0886
I1121 10:00:01.100000  1234 solver.cpp:397]     Test net output #1: loss = 2.3626 (* 1 = 2.3626 loss)
I1121 10:00:02.100000  1234 solver.cpp:218] Iteration 100 (50.5 iter/s, 1.98s/100 iters), loss = 0.2132
I1121 10:00:02.100000  1234 solver.cpp:237]     Train net output #0: loss = 0.2 (* 1 = 0.2 loss)
I1121 10:00:02.100000  1234 sgd_solver.cpp:105] Iteration 100, lr = 0.00992565
I1121 10:00:03.100000  1234 solver.cpp:447] Snapshotting to binary proto file lenet_iter_100.caffemodel
I1121 10:00:03.200000  1234 sgd_solver.cpp:273] Snapshotting solver state to binary proto file lenet_iter_100.solverstate
I1121 10:00:04.100000  1234 solver.cpp:228] Iteration 200, loss = 1.5e-05
"""
DARKNET = """\
Loaded: 0.000038 seconds
 1: 1234.5, 1234.5 avg, 0.001000 rate, 2.0 seconds, 64 images
 2: 617.25, 1172.8 avg loss, 0.001000 rate, 4.0 seconds, 128 images, 10.5 hours left
Saving weights to backup/yolo_2.weights
 mean average precision (mAP@0.50) = 0.765432, or 76.54 %
"""
MXNET = """\
INFO:root:Epoch[2] Batch [70]\tSpeed: 848.93 samples/sec\taccuracy=0.910000\tcross-entropy=0.300000
INFO:root:Epoch[2] Train-accuracy=0.920000
INFO:root:Epoch[2] Time cost=5.5
INFO:root:Epoch[2] Validation-accuracy=0.930000
"""


def found(pattern: str, text: str, batch_size: int | None = None) -> dict[tuple[str, int], float]:
    """Tag and step to value, without what counts epochs and batches."""
    reader = LogReader(compiled([pattern]), batch_size)
    points = [point for line in text.splitlines() for point in reader.read(line)]
    return {(point.tag, point.step): point.value for point in points if not point.tag.startswith("progress/")}


def test_caffe() -> None:
    assert found("caffe", CAFFE, 64) == {
        ("accuracy/validation", 0): 0.0886,
        ("loss/validation", 0): 2.3626,
        ("loss/train", 100): 0.2132,
        ("learning_rate", 100): 0.00992565,
        ("throughput/samples_per_second", 100): 50.5 * 64,
        ("loss/train", 200): 1.5e-05,
    }


def test_caffe_names_the_snapshots_it_writes() -> None:
    reader = LogReader(compiled(["caffe"]))
    for line in CAFFE.splitlines():
        reader.read(line)
    assert reader.files == ["lenet_iter_100.caffemodel", "lenet_iter_100.solverstate"]


def test_darknet() -> None:
    assert found("darknet", DARKNET) == {
        ("batch_loss/train", 1): 1234.5,
        ("loss/train", 1): 1234.5,
        ("learning_rate", 1): 0.001,
        ("throughput/samples_per_second", 1): 32,
        ("batch_loss/train", 2): 617.25,
        ("loss/train", 2): 1172.8,
        ("learning_rate", 2): 0.001,
        ("throughput/samples_per_second", 2): 16,
        ("map/validation", 2): 0.765432,
    }


def test_mxnet() -> None:
    values = {tag: value for (tag, _), value in found("mxnet", MXNET).items()}
    assert values["accuracy/train"] == 0.92
    assert values["accuracy/validation"] == 0.93
    assert values["loss/train"] == 0.3
    assert values["throughput/samples_per_second"] == 848.93


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("epoch=1 step=30 loss=0.5 val_acc=0.25", {("loss/train", 30): 0.5, ("accuracy/validation", 30): 0.25}),
        ("12:30:05 INFO loss: 1e-3, lr: 0.1", {("loss/train", 1): 0.001, ("learning_rate", 1): 0.1}),
        ("Epoch 3/10, batch 5/100: accuracy = 93.5%", {("accuracy/train", 305): 0.935}),
        ("loss=nan", {("loss/train", 1): float("nan")}),
        ("listening on http://127.0.0.1:8000/x", {}),
        ("nothing at all", {}),
    ],
)
def test_assignments(line: str, expected: dict[tuple[str, int], float]) -> None:
    assert repr(found("key-value", line)) == repr(expected)


def test_lines_without_a_step_are_counted() -> None:
    assert found("key-value", "loss=3\nhello\nloss=2") == {("loss/train", 1): 3, ("loss/train", 2): 2}


def test_a_pattern_of_ones_own_names_its_numbers_by_groups() -> None:
    own = r"=iter (?P<step>\d+): (?P<loss>\S+) / (?P<val_loss>\S+)"
    assert found(own, "iter 7: 1,000.5 / 2") == {("loss/train", 7): 1000.5, ("loss/validation", 7): 2}


def test_a_pattern_of_ones_own_gives_its_first_group_to_its_tag() -> None:
    assert found(r"reward=mean reward (\S+)", "mean reward -3") == {("reward/train", 1): -3}
    assert found(r"gan/d_loss=D (\S+)", "D 3") == {("gan/d_loss", 1): 3}


@pytest.mark.parametrize(
    ("declared", "reason"),
    [
        (["cafe"], "no built-in pattern cafe; there are: caffe"),
        (["loss=("], "no regular expression: missing"),
        (["loss=[0-9]+"], "no group"),
        (["=loss ([0-9]+)"], "what its number is called"),
        (["loss=(" + "a" * 1000 + ")"], "at most 1000"),
        (["caffe"] * (MOST_PATTERNS + 1), "at most 32"),
    ],
)
def test_a_pattern_that_cannot_be_used_is_refused_with_the_reason(declared: list[str], reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        compiled(declared)


def test_a_pattern_that_backtracks_for_ever_is_given_up_and_the_others_go_on() -> None:
    reader = LogReader(compiled(["slow=((?:a+)+)$", "loss=loss (\\S+)"]))
    for _ in range(4):
        points = reader.read("loss 5 " + "a" * 40 + "!")
    assert [(point.tag, point.value) for point in points] == [("loss/train", 5)]


def test_a_program_that_invents_names_gets_so_many_and_no_more() -> None:
    reader = LogReader(compiled(["key-value"]))
    points = [point for number in range(MOST_TAGS + 50) for point in reader.read(f"name{number}x=1")]
    assert len(points) == MOST_TAGS


def test_a_step_no_calendar_has_is_not_believed() -> None:
    assert found("key-value", "step=999999999999999999 loss=1\nloss=" + "9" * 400) == {("loss/train", 999999999999999999): 1}


@pytest.mark.parametrize("place", ["epoch", "epochs", "step", "batch", "batches"])
def test_a_place_of_hundreds_of_digits_ends_no_training(place: str) -> None:
    reader = LogReader(compiled([rf"=at (?P<{place}>\d+) (?P<samples>\d+) (?P<seconds>\S+)", "loss=loss (\\S+)"]))
    points = reader.read("at " + "9" * 400 + " 5 1.0 loss 2")
    assert ("loss/train", 2) in [(point.tag, point.value) for point in points]
