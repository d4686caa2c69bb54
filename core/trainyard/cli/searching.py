"""``trainyard search``: begin a search for hyper-parameters, watch its trials, go on, keep the best."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trainyard.cli.call import MOST, Json, find, signed_in
from trainyard.cli.show import as_fields, as_json, as_table, done, say_aside, word
from trainyard.cli.training import read_parameters, show_check
from trainyard.words import N_

if TYPE_CHECKING:
    from trainyard.client import Client
    from trainyard.records.searches import Search

search = typer.Typer(no_args_is_help=True)
Which = Annotated[str, typer.Argument(help="Name or identifier of a search.")]
Trials = Annotated[int | None, typer.Option(min=1, max=1000, help="So many trials in all.")]
Parallel = Annotated[int | None, typer.Option(min=1, max=64, help="So many at once.")]
Hours = Annotated[float | None, typer.Option(help="At most so many hours for the whole search.")]


@search.command("list")
def list_searches(json: Json = False) -> None:
    """Searches you may see, the newest first."""
    with signed_in() as client:
        found = client.searches(limit=MOST).items
    if json:
        return as_json(found)
    rows = [(one.id, one.name, one.state, _made(one), _best(one), one.owner.name) for one in found]
    return as_table(("id", "name", "state", "trials", "best", "owner"), rows)


@search.command()
def start(
    name: str,
    vary: Annotated[list[str], typer.Option(help="lr=1e-4..0.1:log, layers=1..4 or batch=32,64; give it several times.")],
    objective: Annotated[str, typer.Option(help="The scalar that is judged, such as accuracy/validation.")],
    minimize: Annotated[bool, typer.Option("--minimize/--maximize", help="Whether less of it is better, or more.")] = False,
    last: Annotated[bool, typer.Option("--last/--best", help="Judge its last point, or its best.")] = False,
    sampler: Annotated[str, typer.Option(help="grid, random, tpe or cma-es.")] = "tpe",
    prune: Annotated[bool, typer.Option("--prune", help="Stop trials early that are behind (ASHA).")] = False,
    prune_first: Annotated[int, typer.Option(min=1, help="With --prune: look after so many reports.")] = 1,
    prune_factor: Annotated[int, typer.Option(min=2, help="With --prune: one in so many goes on.")] = 3,
    trials: Trials = None,
    parallel: Parallel = None,
    hours: Hours = None,
    seed: Annotated[int, typer.Option(min=0, help="Decides what is drawn.")] = 0,
    failures: Annotated[int, typer.Option(min=1, help="End after so many failed trials in a row.")] = 3,
    like: Annotated[str, typer.Option(help="A training whose settings every trial takes.")] = "",
    batch: Annotated[str, typer.Option(help="A batch: its train, val and test sets are taken.")] = "",
    set_format: Annotated[str, typer.Option("--format", help="With --batch: a format it has.")] = "recordio",
    group: Annotated[str, typer.Option(help="The group that is charged; your first by default.")] = "",
    image: Annotated[str, typer.Option(help="See `trainyard images`; mxnet by default.")] = "",
    package: Annotated[str, typer.Option(help="Resources; by default the largest that fits and has no GPU.")] = "",
    entry: Annotated[str, typer.Option(help="A program with its arguments; the image's example by default.")] = "",
    parameters: Annotated[Path | None, typer.Option(help="A JSON file with the other hyper-parameters.")] = None,
    trial_hours: Annotated[float | None, typer.Option(help="At most so many hours for a trial.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Only say what would keep it from running.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Until it has ended; exit code 1 unless it finished.")] = False,
    json: Json = False,
) -> None:
    """Begin a search: trainings whose hyper-parameters are varied."""
    from trainyard.cli.choices import Choices
    from trainyard.cli.varied import space_of
    from trainyard.client.transport import given
    from trainyard.records.searches import NewSearch

    space = space_of(vary)
    with signed_in() as client:
        choices = Choices(client, group, image or "mxnet")
        own = choices.sets(batch, set_format) | given(
            parameters=read_parameters(parameters) if parameters else None, hours=trial_hours
        )
        if like:
            picked = {"image": image, "package": package, "entry": entry, "group": group}
            own |= {option: value for option, value in picked.items() if value}
            training = client.training(find(client, "trainings", like)).as_new(name, **own)
        else:
            training = choices.training({"name": name, **own}, package=package, entry=entry)
        asked: dict[str, Any] = {
            "training": training, "space": space, "sampler": sampler, "seed": seed, "failures": failures,
            "objective": {
                "tag": objective, "direction": "minimize" if minimize else "maximize", "value": "last" if last else "best",
            },
            "pruning": {"first": prune_first, "factor": prune_factor} if prune else None,
            **given(trials=trials, parallel=parallel, hours=hours),
        }  # fmt: skip
        wanted = NewSearch.model_validate(asked)
        if check:
            show_check(client.check_search(wanted), json=json)
            return
        found = client.search_parameters(wanted)
        found = _ended(client, found) if wait else found
    show_search(found, json=json)
    _must_have_finished(found, waited=wait)


@search.command()
def show(search: Which, json: Json = False) -> None:
    """One search: how far it is, what was best, which parameters decide."""
    with signed_in() as client:
        found = client.search(find(client, "searches", search))
        if json:
            return as_json(found)
        told = client.importances(found.id)
    show_search(found, json=False)
    if not told.parameters:
        return say_aside(told.why_not)
    return as_table(("parameter", "importance"), [(one.parameter, f"{one.part:.0%}") for one in told.parameters])


@search.command()
def trials(search: Which, json: Json = False) -> None:
    """Every trial of a search with its values and what it reached."""
    with signed_in() as client:
        found = client.search(find(client, "searches", search))
        made = client.trials(found.id)
    if json:
        return as_json(made)
    names = list(found.asked.space)
    rows = [
        (one.number, one.state, *(one.parameters.get(name) for name in names), _number(one.value), one.name, one.why)
        for one in made
    ]
    return as_table(("trial", "state", *names, found.asked.objective.tag, "training", "why"), rows)


@search.command()
def pause(search: Which, json: Json = False) -> None:
    """Begin no more trials; those under way run to their end."""
    with signed_in() as client:
        show_search(client.pause_search(find(client, "searches", search)), json=json)


@search.command()
def resume(search: Which, trials: Trials = None, parallel: Parallel = None, hours: Hours = None, json: Json = False) -> None:
    """Go on, also after its end: with more trials, more at once, more hours."""
    from trainyard.records.searches import ResumeSearch

    with signed_in() as client:
        change = ResumeSearch(trials=trials, parallel=parallel, hours=hours)
        show_search(client.resume_search(find(client, "searches", search), change), json=json)


@search.command()
def stop(search: Which, json: Json = False) -> None:
    """End a search and every trial of it that is under way."""
    with signed_in() as client:
        show_search(client.stop_search(find(client, "searches", search)), json=json)


@search.command()
def wait(search: Which, json: Json = False) -> None:
    """Wait until a search has ended; exit code 1 unless it finished."""
    with signed_in() as client:
        found = _ended(client, client.search(find(client, "searches", search)))
    show_search(found, json=json)
    _must_have_finished(found, waited=True)


@search.command()
def delete(
    search: Which,
    with_trials: Annotated[bool, typer.Option("--with-trials/--keep-trials", help="Its trainings too, or not.")] = False,
    json: Json = False,
) -> None:
    """Delete a search that has ended; its trials stay as trainings unless you say otherwise."""
    with signed_in() as client:
        identifier = find(client, "searches", search)
        client.delete_search(identifier, trials=with_trials)
    done(N_("Deleted {deleted}."), json=json, deleted=identifier)


@search.command()
def register(
    search: Which,
    name: Annotated[str, typer.Argument(help="The model's name.")],
    description: Annotated[str, typer.Option(help="What it is.")] = "",
    group: Annotated[str, typer.Option(help="The group whose members may use it; only you by default.")] = "",
    json: Json = False,
) -> None:
    """Keep the best trial's model under a name of its own."""
    from trainyard.records.searches import RegisterBest

    with signed_in() as client:
        new = RegisterBest(name=name, description=description, group=group or None)
        model = client.register_best(find(client, "searches", search), new)
    if json:
        return as_json(model)
    return as_fields([("id", model.id), ("name", model.name), ("training", model.training_name)])


@search.command()
def again(
    search: Which,
    name: Annotated[str, typer.Argument(help="The new training's name.")],
    json: Json = False,
) -> None:
    """Train again with the parameters of the best trial."""
    from trainyard.cli.training import show_training

    with signed_in() as client:
        found = client.search(find(client, "searches", search))
        show_training(client.submit(found.best_training(name)), json=json)


@search.command()
def draw(
    search: Which,
    target: Annotated[Path, typer.Option("--to", help="A file ending in .png, .svg or .csv.")],
    json: Json = False,
) -> None:
    """A search as a picture, or its trials as CSV."""
    from trainyard.errors import Invalid

    if target.suffix not in (".png", ".svg", ".csv"):
        sentence = N_("The file {file} must end in .png, .svg or .csv.")
        raise Invalid("format-unknown", sentence, field="target", file=str(target))
    with signed_in() as client:
        client.draw_search(find(client, "searches", search), target)
    done(N_("Wrote {file}."), json=json, file=str(target))


def show_search(found: Search, *, json: bool) -> None:
    if json:
        return as_json(found)
    best = found.best
    values = ", ".join(f"{name}={value}" for name, value in best.parameters.items()) if best else None
    return as_fields(
        [
            ("id", found.id), ("name", found.name), ("description", found.description), ("state", found.state),
            ("why", found.why), ("owner", found.owner.name), ("group", found.group), ("trials", _made(found)),
            ("failed", _count(found, "failed")), ("stopped early", _count(found, "pruned")),
            ("objective", f"{found.asked.objective.tag} ({word(found.asked.objective.direction)})"), ("best", _best(found)),
            ("with", values), ("created", found.created), ("ends at the latest", found.deadline), ("ended", found.ended),
        ]
    )  # fmt: skip


def _ended(client: Client, found: Search) -> Search:
    """The search once it has ended; an interrupt ends the watching, not the search."""
    from trainyard.cli.steps import Steps
    from trainyard.records.searches import SearchState

    with Steps(400 * 86_400, out=sys.stderr).step(N_("Search")) as step:

        def ask() -> Search | None:
            now = client.search(found.id)
            step.now(f"{_made(now)} {_best(now)}")
            return None if now.state in (SearchState.RUNNING, SearchState.PAUSED) else now

        try:
            now = step.steps.wait(ask)
        except KeyboardInterrupt:
            say_aside(N_("The search goes on without you; `trainyard search wait {id}` waits."), id=found.id)
            raise
        step.result = word(now.state)
    return now


def _must_have_finished(found: Search, *, waited: bool) -> None:
    from trainyard.errors import Conflict

    if waited and found.state != "finished":
        sentence = N_("The search ended as {state}: {why}")
        raise Conflict("search-failed", sentence, state=found.state.value, why=found.why)


def _made(found: Search) -> str:
    return f"{sum(found.counts.values()) - (_count(found, 'running') or 0)}/{found.total}"


def _count(found: Search, state: str) -> int | None:
    return next((count for one, count in found.counts.items() if one == state and count), None)


def _best(found: Search) -> str:
    return _number(found.best.value) if found.best else ""


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"
