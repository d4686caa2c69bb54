"""What the pages about trainings draw, from records alone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from trainyard.jobs.states import Cause, JobState
from trainyard.records.base import Page
from trainyard.records.jobs import Attempt, Ending, Offer, Waiting
from trainyard.records.trainings import Checkpoint, Curves, SeriesPoints, SnapshotMark, Training
from trainyard_widgets.views.endings import attempt_view
from trainyard_widgets.views.monitor import curves_view, flat, monitor_view, pick, tiles, times
from trainyard_widgets.views.trainings import actions, clone_query, instance_view, list_query, list_view, row

from .records import THEN, a_training, an_instance


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.STARTING, JobState.RUNNING])
def test_a_living_training_can_be_stopped_and_says_why_it_cannot_be_deleted(state: JobState) -> None:
    view = row(a_training(state), "en")
    assert view["actions"] == ["stop", *(["pause"] if state is JobState.RUNNING else []), "clone"]
    assert "Stop" in view["refused"]["delete"]


@pytest.mark.parametrize("state", [JobState.FINISHED, JobState.FAILED, JobState.STOPPED])
def test_an_ended_training_can_be_started_again_and_deleted(state: JobState) -> None:
    assert actions(a_training(state)) == ["start", "delete", "clone"]


def test_what_can_go_on_offers_it() -> None:
    paused = a_training(JobState.STOPPED, job={"paused": True})
    over = a_training(JobState.STOPPED, job={"ending": Ending(cause=Cause.TIME_LIMIT, text="…")})
    saved = a_training(JobState.FAILED, checkpoint=Checkpoint(instance="1" * 24, epoch=1, step=2))
    assert all("resume" in actions(one) for one in (paused, over, saved))


def test_a_training_asked_to_stop_is_stopping_and_offers_no_second_stop() -> None:
    view = row(a_training(JobState.RUNNING, job={"wanted": "stop"}), "en")
    assert view["stopping"]
    assert view["actions"] == ["clone"]


def test_somebody_elses_training_can_only_be_cloned() -> None:
    view = row(a_training(JobState.RUNNING, may_change=False), "en")
    assert view["actions"] == ["clone"]
    assert "安娜" in view["refused"]["stop"]


def test_a_clone_takes_everything_over_under_the_next_name() -> None:
    query = clone_query(a_training(name="digits-9", parameters={"lr": 0.1, "名": "值"}))
    assert query["name"] == "digits-10"
    assert query["train"] == "b-recordio-train"
    assert query["parameters"] == '{"lr": 0.1, "名": "值"}'


def test_a_clone_of_the_longest_name_still_fits() -> None:
    assert len(clone_query(a_training(name="x" * 63))["name"]) == 63


def test_why_it_waits_is_shown_as_parts_of_the_limit() -> None:
    waiting = Waiting(place=2, subject="group vision", resource="cpu", used=3, limit=4, asked=2, text="…")
    view = row(a_training(JobState.QUEUED, job={"waiting": waiting}), "en")
    assert (view["waiting"]["used_part"], view["waiting"]["asked_part"]) == (0.75, 0.5)


def test_running_out_of_memory_says_what_to_choose_and_how_much_was_used() -> None:
    ending = Ending(cause=Cause.OUT_OF_MEMORY, text="…", peak_memory=980, memory_limit=1000, last_lines=["Killed"])
    offer = Offer(kind="twice-the-memory", package="2Core4G")
    ending = ending.model_copy(update={"suggestion": "A larger one.", "offer": offer})
    view = row(a_training(JobState.FAILED, job={"ending": ending}), "en")
    assert (view["ending"]["next"], view["ending"]["offer"]["package"]) == ("A larger one.", "2Core4G")
    assert view["ending"]["memory_part"] == 0.98
    assert view["ending"]["last_lines"] == ["Killed"]


def test_a_good_ending_asks_for_nothing() -> None:
    ending = Ending(cause=Cause.EXITED, text="…", exit_code=0, last_lines=["done"])
    view = row(a_training(JobState.FINISHED, job={"ending": ending}), "en")
    assert (view["ending"]["good"], view["ending"]["next"], view["ending"]["last_lines"]) == (True, "", [])


def test_each_attempt_says_how_it_ended_with_its_numbers() -> None:
    failed = Ending(cause=Cause.EXITED, text="…", exit_code=3, last_lines=["x"])
    first = attempt_view(Attempt(number=1, created=THEN, ended=THEN, ending=failed))
    second = attempt_view(Attempt(number=2, created=THEN, ended=THEN, ending=Ending(cause=Cause.EXITED, text="…", exit_code=0)))
    running = attempt_view(Attempt(number=3, created=THEN, ended=None, ending=None))
    assert [first["ending"]["good"], second["ending"]["good"], running["ending"]] == [False, True, None]
    assert (first["ending"]["exit_code"], first["ending"]["last_lines"]) == (3, ["x"])


def test_the_trials_of_searches_are_left_out_of_the_list_unless_the_url_asks_for_them() -> None:
    assert list_query({})["trials"] is False
    assert list_query({"trials": "shown"})["trials"] is True


def test_an_empty_list_tells_a_filter_from_a_newcomer() -> None:
    nothing: Page[Training] = Page(items=[], total=0)
    assert list_view(nothing, list_query({}), "en")["empty"] == "none"
    assert list_view(nothing, list_query({"state": "failed"}), "en")["empty"] == "nothing-found"


def test_the_newest_instance_is_watched_unless_the_url_names_another() -> None:
    old, new = an_instance(), an_instance(THEN + timedelta(minutes=1), id="2" * 24)
    assert pick([old, new], None) == new
    assert pick([old, new], "1" * 24) == old
    assert pick([old, new], "gone") == new
    assert pick([], None) is None


def test_tiles_keep_their_places_while_nothing_is_known() -> None:
    assert tiles(None).keys() == tiles(an_instance()).keys()


def test_a_program_that_only_prints_took_what_its_job_took() -> None:
    ended = a_training(JobState.FINISHED, job={"started": THEN, "ended": THEN + timedelta(minutes=2)})
    assert (times(ended, None)["elapsed"], times(ended, None)["since"]) == (120.0, None)
    running = a_training(JobState.RUNNING, job={"started": THEN})
    assert times(running, None)["since"] == THEN.isoformat()


def test_the_last_output_is_the_newest_line_or_point() -> None:
    later = THEN + timedelta(minutes=3)
    assert times(a_training(last_output=later), an_instance(last_output=THEN))["last_output"] == later.isoformat()
    assert times(a_training(last_output=THEN), an_instance(last_output=later))["last_output"] == later.isoformat()
    assert times(a_training(), None)["last_output"] is None


def test_epochs_are_shown_from_one() -> None:
    assert tiles(an_instance(epoch=0, epochs=10))["epoch"] == 1


def test_an_epoch_that_has_ended_is_not_shown_as_one_too_many() -> None:
    assert tiles(an_instance(epoch=10, epochs=10))["epoch"] == 10


def test_how_far_a_run_is_comes_from_the_remaining_time_then_from_epochs() -> None:
    assert instance_view(an_instance(elapsed=30.0, remaining=90.0))["done"] == 0.25
    assert instance_view(an_instance(epoch=2, epochs=8))["done"] == 0.25
    assert instance_view(an_instance())["done"] is None


def test_nested_parameters_become_dotted_names() -> None:
    rows = flat({"solver": {"lr": 1.0, "steps": [1, 2]}, "shuffle": True, "empty": {}})
    assert [(one["name"], one["value"]) for one in rows] == [
        ("solver.lr", "1.0"),
        ("solver.steps", "[1, 2]"),
        ("shuffle", "true"),
        ("empty", "{}"),
    ]


def test_an_instances_own_parameters_are_shown_before_those_it_was_given() -> None:
    training = a_training(parameters={"lr": 1}, instances=[an_instance(parameters={"lr": 2})])
    assert monitor_view(training, None, "en")["parameters"] == [{"name": "lr", "value": "2"}]


def series(tag: str, values: list[float | None], first: float = 100.0) -> SeriesPoints:
    """One point every ten steps and every second."""
    steps = [10 * place for place in range(len(values))]
    return SeriesPoints(
        tag=tag, steps=steps, times=[first + place for place in range(len(values))], values=values, total=len(values)
    )


def test_curves_stand_in_the_known_order_and_others_follow_under_their_own_name() -> None:
    curves = Curves(
        instance="1" * 24,
        series=[
            series("f1/train", [0.5]),
            series("loss/train", [1.0]),
            series("progress/epoch", [0]),
            series("accuracy/train", [0.5]),
        ],
        snapshots=[],
    )
    drawn = [chart["name"] for chart in curves_view(curves)["charts"] if chart["series"]]
    assert drawn == ["accuracy", "loss", "f1/train"]


def test_points_know_their_epoch_and_the_seconds_since_the_start() -> None:
    curves = Curves(
        instance="1" * 24,
        series=[series("loss/train", [3.0, None, 1.0]), series("progress/batches_per_epoch", [20, 20, 20])],
        snapshots=[SnapshotMark(model="m" * 16, epoch=1, step=20)],
    )
    view = curves_view(curves)
    loss = next(chart for chart in view["charts"] if chart["name"] == "loss")["series"][0]
    assert loss["epochs"] == [0, 0.5, 1.0]
    assert loss["seconds"] == [0, 1, 2]
    assert loss["values"] == [3.0, None, 1.0]
    assert (view["snapshots"][0]["epochs"], view["snapshots"][0]["seconds"]) == (1.0, 2.0)


def test_a_run_without_points_draws_nothing() -> None:
    view = curves_view(Curves(instance="1" * 24, series=[], snapshots=[]))
    assert [chart for chart in view["charts"] if chart["series"]] == []
