"""``trainyard parameters``: hyper-parameters that are kept under a name, shared, and taken along as files."""

from __future__ import annotations

import json as json_text
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trainyard.cli.call import Json, signed_in
from trainyard.cli.show import as_fields, as_json, as_table, done
from trainyard.words import N_

if TYPE_CHECKING:
    from trainyard.client import Client
    from trainyard.records.parameter_sets import ParameterSet

parameters = typer.Typer(no_args_is_help=True)
Which = Annotated[str, typer.Argument(help="Name or identifier of kept parameters.")]
Readers = Annotated[str | None, typer.Option(help="private, group or public.")]
Group = Annotated[str | None, typer.Option(help="With --readers group: whose members may use them.")]
Described = Annotated[str | None, typer.Option(help="What it is.")]
_IDENTIFIER = re.compile(r"[0-9a-f]{16}")


@parameters.command("list")
def list_sets(json: Json = False) -> None:
    """Parameters you may use."""
    with signed_in() as client:
        found = client.parameter_sets()
    if json:
        return as_json(found)
    rows = [(one.id, one.name, one.visibility, one.group, one.owner.name, _short(one)) for one in found]
    return as_table(("id", "name", "readers", "group", "owner", "parameters"), rows)


@parameters.command()
def show(parameters: Which, json: Json = False) -> None:
    """Kept parameters, as JSON that `train submit --parameters` reads."""
    with signed_in() as client:
        found = client.parameter_set(find_set(client, parameters))
    if json:
        return as_json(found)
    return typer.echo(json_text.dumps(found.parameters, ensure_ascii=False, indent=2))


@parameters.command()
def keep(
    file: Annotated[Path, typer.Argument(help="A JSON file: exported parameters, or plain ones.")],
    name: Annotated[str, typer.Option(help="The name; that of the file by default.")] = "",
    description: Described = None,
    readers: Readers = None,
    group: Group = None,
    json: Json = False,
) -> None:
    """Keep what a JSON file holds under a name."""
    from trainyard.client.searches import read_parameter_set
    from trainyard.records.parameter_sets import NewParameterSet

    new = read_parameter_set(file, name)
    given = {"description": description, "visibility": readers or (group and "group"), "group": group}
    wanted = {**new.model_dump(), **{key: value for key, value in given.items() if value is not None}}
    with signed_in() as client:
        _show(client.keep_parameters(NewParameterSet.model_validate(wanted)), json=json)


@parameters.command()
def change(
    parameters: Which,
    file: Annotated[Path | None, typer.Option(help="A JSON file with other parameters.")] = None,
    name: Annotated[str | None, typer.Option(help="Another name.")] = None,
    description: Described = None,
    readers: Readers = None,
    group: Group = None,
    json: Json = False,
) -> None:
    """Change kept parameters, their name, or who may use them."""
    from trainyard.client.searches import read_parameter_set
    from trainyard.records.parameter_sets import ParameterSetChange

    values = read_parameter_set(file, "x").parameters if file else None
    who = {"visibility": readers or (group and "group"), "group": group}
    asked = {"name": name, "description": description, **who, "parameters": values}
    with signed_in() as client:
        _show(client.change_parameter_set(find_set(client, parameters), ParameterSetChange.model_validate(asked)), json=json)


@parameters.command()
def export(
    parameters: Which,
    target: Annotated[Path, typer.Argument(help="Where to write.")],
    json: Json = False,
) -> None:
    """Write kept parameters to a file, for another platform."""
    with signed_in() as client:
        client.export_parameter_set(find_set(client, parameters), target)
    done(N_("Wrote {file}."), json=json, file=str(target))


@parameters.command()
def delete(parameters: Which, json: Json = False) -> None:
    """Delete kept parameters; trainings made with them keep theirs."""
    with signed_in() as client:
        identifier = find_set(client, parameters)
        client.delete_parameter_set(identifier)
    done(N_("Deleted {deleted}."), json=json, deleted=identifier)


def find_set(client: Client, named: str) -> str:
    """The identifier of kept parameters given by identifier or whole name; of several of one name the caller's own.

    Raises:
        NotFound: nothing is called this. Conflict: several are.
    """
    from trainyard.errors import Conflict, NotFound

    if _IDENTIFIER.fullmatch(named):
        return named
    found = [one for one in client.parameter_sets(named) if one.name == named]
    if len(found) > 1:
        me = client.me().id
        found = [one for one in found if one.owner.id == me] or found
    if not found:
        hint = N_("`trainyard parameters list` shows what there is.")
        raise NotFound("no-such-name", N_("Nothing you may see is called {name}."), hint=hint, name=named)
    if len(found) > 1:
        sentence, hint = N_("{count} are called {name}."), N_("Give an identifier: {ids}")
        ids = ", ".join(one.id for one in found)
        raise Conflict("name-not-unique", sentence, hint=hint, count=len(found), name=named, ids=ids)
    return found[0].id


def _show(found: ParameterSet, *, json: bool) -> None:
    if json:
        return as_json(found)
    return as_fields(
        [
            ("id", found.id), ("name", found.name), ("description", found.description), ("readers", found.visibility),
            ("group", found.group), ("parameters", _short(found)),
        ]
    )  # fmt: skip


def _short(found: ParameterSet) -> str:
    text = json_text.dumps(found.parameters, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:79]}…"
