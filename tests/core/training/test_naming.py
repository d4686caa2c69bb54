"""What frameworks call their numbers becomes the tags the monitor page knows."""

from __future__ import annotations

import pytest
from trainyard.training.naming import tag_of, unforked


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("loss", "loss/train"),
        ("val_loss", "loss/validation"),
        ("train/acc", "accuracy/train"),
        ("acc/val", "accuracy/validation"),
        ("Validation-accuracy", "accuracy/validation"),
        ("test_top1", "accuracy/test"),
        ("sparse_categorical_accuracy", "accuracy/train"),
        ("cross-entropy", "loss/train"),
        ("lr", "learning_rate"),
        ("mean squared error", "mean_squared_error/train"),
        ("validity", "validity/train"),
        ("val", "val/train"),
        ("", "metric/train"),
    ],
)
def test_names(name: str, tag: str) -> None:
    assert tag_of(name) == tag


def test_a_part_that_is_known_is_that_of_names_that_say_none() -> None:
    assert (tag_of("loss", "validation"), tag_of("train_loss", "validation")) == ("loss/validation", "loss/train")


def test_lightnings_doubles_are_one() -> None:
    assert unforked(["loss", "loss_step", "loss_epoch", "time_step"]) == ["loss", "time_step"]
