"""A real training that writes what no page expects, and dies in the middle of a record: it is drawn all the same."""

from __future__ import annotations

import json
from typing import Any

import pytest
from trainyard.records.trainings import Curves
from trainyard_widgets.views.monitor import curves_view

from .conftest import Person, until
from .test_deaths import ended, submit

pytestmark = [pytest.mark.slow, pytest.mark.one_database]
WILD = """
import math, os, signal, time
from trainyard.metrics.events import scalar_event
from trainyard.tfrecord import frame
from trainyard.training import TrainInstance
run = TrainInstance()
for step, value in enumerate((0.5, math.nan, math.inf, -math.inf, 0.25, math.nan)):
    run.log("loss/train", value, step)
run.log("far", 1.0, 3 * 10**9)
for step in (10, 20, 30, 15):
    run.log("back", step, step)
for number in range(1000):
    run.log(f"layer{number:03}/gradient", number, 1)
while sum(file.stat().st_size for file in run.logs.iterdir()) < 40_000:
    time.sleep(0.1)
time.sleep(2)
file = next(run.logs.iterdir())
with file.open("ab") as stream:
    stream.write(frame(scalar_event(time.time(), 1, "unfinished", 1))[:-5])
print("torn", flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_no_numbers_far_steps_steps_back_a_thousand_tags_and_a_torn_record(alice: Person) -> None:
    done = ended(alice, submit(alice, WILD))
    assert (done["job"]["ending"]["cause"], done["job"]["ending"]["signal"]) == ("signalled", 9), done["job"]["ending"]
    [instance] = done["instances"]

    def told() -> Any:
        curves = alice.ok("GET", f"/instances/{instance['id']}/curves")
        return curves if len(curves["series"]) >= 1003 else None

    curves = until(told)
    by_tag = {one["tag"]: one for one in curves["series"]}
    assert by_tag["loss/train"]["values"] == [0.5, None, None, None, 0.25, None]
    assert by_tag["far"]["steps"] == [3 * 10**9]
    assert (by_tag["back"]["steps"], by_tag["back"]["values"]) == ([10, 15], [10, 15])
    assert by_tag["layer999/gradient"]["values"] == [999]
    assert "unfinished" not in by_tag
    assert curves["problems"] == [], "a record that was not finished is no damage"
    page = json.loads(json.dumps(curves_view(Curves.model_validate(curves)), allow_nan=False))
    assert page["lost"] == ["loss/train"]
    for form in ("svg", "csv"):
        answer = alice.http.get(
            "/curves/file", params={"instance": instance["id"], "format": form, "tags": "loss/train,far,back"}
        )
        assert answer.status_code == 200, answer.text
