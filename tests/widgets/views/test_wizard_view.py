"""What the training wizard offers, proposes and refuses, from records alone."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter
from trainyard.errors import Invalid
from trainyard.records.datasets import Format, NewBatch, NewDataset
from trainyard.records.jobs import RestartPolicy
from trainyard.records.resources import Cluster
from trainyard.records.trainings import NewTraining
from trainyard_widgets.forms import filled_in
from trainyard_widgets.views.trainings import clone_query
from trainyard_widgets.views.wizard import Offer, draft_of, new_training, pair_of, problems, wizard_view

from .records import a_package, a_set, a_training, an_image


def an_offer(**changes: Any) -> Offer:
    """A pair in RecordIO, one image, one package that fits and one that does not."""
    plain: dict[str, Any] = {
        "sets": {"mine": [a_set("train"), a_set("val")], "group": [], "public": []},
        "images": [an_image()],
        "packages": [a_package(), a_package("8GPU", gpu=8, available=False, why_not="8 GPUs asked, 0 allowed.")],
        "groups": ["vision"],
        "person": "安娜",
    }
    return Offer(**plain | changes)


def test_the_validation_set_of_the_same_batch_and_format_is_offered() -> None:
    sets = [a_set("train"), a_set("val", form=Format.LMDB), a_set("val", batch="c" * 16), a_set("val")]
    offered = pair_of(sets, "b-recordio-train")
    assert offered is not None
    assert offered.id == "b-recordio-val"


def test_without_a_pair_nothing_is_offered() -> None:
    assert pair_of([a_set("train")], "b-recordio-train") is None


def test_what_the_url_leaves_open_gets_a_sensible_choice() -> None:
    draft = draft_of({}, an_offer())
    assert (draft["image"], draft["package"], draft["group"]) == ("mxnet:1.9.1", "2Core4G", "vision")
    assert draft["entry"].endswith("simple/start.sh")


def test_an_unfinished_set_cannot_be_chosen() -> None:
    offer = an_offer(sets={"mine": [a_set("train", ready=False)], "group": [], "public": []})
    assert wizard_view(offer, {}, "en")["sets"]["mine"] == []


def test_an_unknown_step_is_the_first() -> None:
    assert wizard_view(an_offer(), {"step": "9"}, "en")["step"] == "sets"


def test_a_filled_in_wizard_has_no_problems_and_becomes_a_training() -> None:
    query = {"name": "first", "train": "b-recordio-train", "parameters": '{"epochs": 3}'}
    offer = an_offer()
    draft = draft_of(query, offer)
    assert problems(draft, offer, "en") == {}
    record = filled_in(TypeAdapter(NewTraining), new_training(draft))
    assert (record.parameters, record.hours, record.val_set) == ({"epochs": 3}, 72, None)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "a/b"}, "name"),
        ({"name": "x" * 64}, "name"),
        ({"image": "caffe:1", "entry": "/x"}, "image"),
        ({"package": "8GPU"}, "package"),
        ({"entry": "start.sh"}, "entry"),
        ({"entry": "/x 'unclosed"}, "entry"),
        ({"hours": "73"}, "hours"),
        ({"hours": "soon"}, "hours"),
        ({"cluster": "night", "hours": "1"}, "cluster"),
        ({"priority": "201"}, "priority"),
        ({"priority": "soon"}, "priority"),
        ({"log_patterns": "caffe\n("}, "log_patterns"),
        ({"parameters": "{"}, "parameters"),
        ({"parameters": "[1]"}, "parameters"),
    ],
)
def test_a_broken_rule_is_told_at_its_field(query: dict[str, str], field: str) -> None:
    offer = an_offer()
    assert problems(draft_of({"name": "fine"} | query, offer), offer, "en").keys() == {field}


def test_a_virtual_cluster_is_offered_to_its_groups_and_sets_the_time_limit() -> None:
    clusters = [
        Cluster(name="night", cpu=4, memory=8, hours=200, groups=["vision"]),
        Cluster(name="x", cpu=1, memory=1, groups=["y"]),
    ]
    offer = an_offer(clusters=clusters)
    view = wizard_view(offer, {"cluster": "night"}, "en")
    assert [one["name"] for one in view["clusters"]] == ["night"]
    assert (view["draft"]["hours"], view["most_hours"]) == ("200", 200)
    assert "cluster" in problems(draft_of({"name": "n", "cluster": "x"}, offer), offer, "en")


def test_every_field_of_a_training_is_carried_from_a_clone_into_the_next() -> None:
    restart = RestartPolicy(max_retries=2, on=["transient", "unknown"], backoff=5, after_time_limit=True)
    job = {"priority": 150, "preemptible": True, "cluster": "night", "restart": restart}
    sets = {part: a_set(part) for part in ("train", "val", "test")}
    first = a_training(job=job, sets=sets, parameters={"lr": 1}, hours=3, description="d", log_patterns=["caffe", "a=(b)"])
    clusters = [Cluster(name="night", cpu=4, memory=8)]
    query = clone_query(first)
    copied = filled_in(TypeAdapter(NewTraining), new_training(draft_of(query, an_offer(clusters=clusters))))
    assert copied == first.as_new(query["name"])
    assert set(NewTraining.model_fields) - copied.model_fields_set <= {"dry_run", "distributed", "search"}


def test_an_administrator_may_ask_for_more_priority() -> None:
    offer = an_offer(administrator=True)
    assert problems(draft_of({"name": "n", "priority": "900"}, offer), offer, "en") == {}


def test_a_package_above_quota_says_why() -> None:
    offer = an_offer()
    draft = draft_of({"name": "x", "package": "8GPU"}, offer)
    assert problems(draft, offer, "en")["package"] == "8 GPUs asked, 0 allowed."


def test_a_person_without_a_group_is_told_to_ask_for_one() -> None:
    offer = an_offer(groups=[])
    assert "administrator" in problems(draft_of({"name": "x"}, offer), offer, "en")["group"]


def test_sets_of_two_batches_are_allowed_with_a_warning() -> None:
    offer = an_offer(sets={"mine": [a_set("train"), a_set("val", batch="c" * 16)], "group": [], "public": []})
    view = wizard_view(offer, {"train": "b-recordio-train", "val": "c-recordio-val"}, "en")
    assert len(view["notes"]) == 1
    assert "another batch" in view["notes"][0]


def test_the_example_on_the_share_is_quoted_for_the_command_line() -> None:
    view = wizard_view(an_offer(groups=["team a"]), {}, "en")
    assert view["examples"][-1] == "python '/workspace/mnt/group/team a/安娜/train.py'"


@pytest.mark.parametrize(
    ("kind", "form", "field"),
    [
        (NewDataset, {"name": "a/b", "source": {"kind": "upload", "upload": "u"}}, "name"),
        (NewDataset, {"name": "a", "source": {"kind": "bucket"}}, "key"),
        (NewDataset, {"name": "a", "description": "x" * 501, "source": {"kind": "upload", "upload": "u"}}, "description"),
        (NewBatch, {"formats": ["recordio"], "quality": 0}, "quality"),
        (NewBatch, {"formats": []}, "formats"),
        (NewBatch, {"formats": ["recordio"], "resize": "224 by 224"}, "resize"),
    ],
)
def test_a_form_names_the_field_that_breaks_a_rule(kind: Any, form: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        filled_in(TypeAdapter(kind), form)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("parameters", "why"),
    [
        ('{"rate": 1, "rate": 2}', "rate is there twice."),
        ('{"": 1}', "A parameter has no name."),
        ('{"inside": {"a": 1, "a": 1}}', "a is there twice."),
        ('{"n": [1, 2}', "This is not JSON: line 1, column 12."),
        ("[" * 100_000, "This is not JSON: line 1, column 1."),
    ],
)
def test_parameters_of_which_nobody_would_know_what_counts_are_refused(parameters: str, why: str) -> None:
    draft = draft_of({"parameters": parameters}, an_offer())
    assert problems(draft, an_offer(), "en")["parameters"] == why


def test_parameters_keep_every_digit() -> None:
    query = {"name": "first", "parameters": '{"rate": 1.0, "big": 12345678901234567890, "none": null}'}
    parameters = new_training(draft_of(query, an_offer()))["parameters"]
    assert repr(parameters) == "{'rate': 1.0, 'big': 12345678901234567890, 'none': None}"
