"""Hyper-parameter files: dots, defaults, and every way such a file can be wrong."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from trainyard.errors import Invalid, NotFound, TooLarge
from trainyard.training import params
from trainyard.training.snapshots import Moment, pack


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TRAINYARD_WORKSPACE", str(tmp_path))
    (tmp_path / "params").mkdir()
    params.get_all(use_cache=False)
    return tmp_path / "params" / "default.json"


def test_dots_lead_inside(file: Path) -> None:
    file.write_text('{"solverOps": {"batchSize": 8, "rate": null}}')
    assert params.get_value("solverOps.batchSize", use_cache=False) == 8
    assert params.get_value("solverOps.rate", default=1) is None
    assert params.get_value("solverOps.batchSize.more", default="none") == "none"


def test_without_a_file_there_are_no_parameters(file: Path) -> None:
    assert params.get_all(use_cache=False) == {}


def test_a_required_parameter_that_is_missing_is_named(file: Path) -> None:
    file.write_text("{}")
    with pytest.raises(NotFound, match=r"a\.b is required"):
        params.get_value("a.b", is_required=True, use_cache=False)


def test_chosen_parameters_lie_over_the_scripts_own(file: Path, tmp_path: Path) -> None:
    file.write_text('{"optimizer": {"rate": 1}, "epochs": 3}')
    (tmp_path / "own.json").write_text('{"optimizer": {"rate": 0.1, "momentum": 0.9}, "seed": 7}')
    params.get_all(use_cache=False)
    assert params.load(tmp_path / "own.json") == {"optimizer": {"rate": 1, "momentum": 0.9}, "epochs": 3, "seed": 7}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "line 1, column 2"),
        (b"[1]", "is list, not an object"),
        (b"\xff{}", "not UTF-8"),
        (b'{"a": NaN}', "NaN is not a JSON number"),
        (b'{"a":' * 1000 + b"1" + b"}" * 1000, "more than 32 levels"),
        (b"[" * 100_000, "more than 32 levels"),
    ],
)
def test_a_broken_file_is_named_with_the_reason(file: Path, content: bytes, reason: str) -> None:
    file.write_bytes(content)
    with pytest.raises(Invalid, match=reason):
        params.get_all(use_cache=False)


def test_a_file_of_ten_megabytes_is_refused_unread(file: Path) -> None:
    file.write_text(json.dumps({"table": "x" * 10_000_000}))
    with pytest.raises(TooLarge, match="1048576 bytes"):
        params.get_all(use_cache=False)


def test_parameters_of_any_kind_become_what_json_and_every_database_can_keep() -> None:
    odd = {"rate": np.float32(0.5), "inf": math.inf, "shape": (3, np.int64(2)), "name": "caf\udce9\0", "kind": np.float32}
    plain = {"rate": 0.5, "inf": "inf", "shape": [3, 2], "name": "caf?", "kind": "<class 'numpy.float32'>"}
    assert params.plain(odd) == plain


def test_a_snapshot_of_a_diverged_model_is_kept_without_what_is_no_number(tmp_path: Path) -> None:
    weights = tmp_path / "weights"
    weights.write_bytes(b"weights")
    made = pack(tmp_path / "output", {"weights": weights}, Moment(1, 10, metrics={"loss": math.nan, "accuracy": 0.1}))
    assert made.metrics == {"accuracy": 0.1}
