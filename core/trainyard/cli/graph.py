"""``trainyard graph``: operations, check, preview and run of a preprocessing graph; its file, and templates.

A graph is given as a file of JSON (``-`` is standard input), or as ``template:NAME``. AtFlow's mix requests are read as well.
"""

from __future__ import annotations

import base64
import json as json_text
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trainyard.cli.call import Json, find, signed_in
from trainyard.cli.datasets import Which, show_dataset, until_ready
from trainyard.cli.show import as_fields, as_json, as_table, done, say, word
from trainyard.sizes import readable
from trainyard.words import N_

if TYPE_CHECKING:
    from trainyard.client import Client
    from trainyard.records.graphs import GraphCheck, GraphTemplate

graph = typer.Typer(no_args_is_help=True)
templates = typer.Typer(no_args_is_help=True)
graph.add_typer(templates, name="templates", help="Graphs that are kept.")
Document = Annotated[str, typer.Argument(metavar="GRAPH", help="A file of JSON, or template:NAME.")]
Seed = Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Decides everything that is drawn at random.")]
Template = Annotated[str, typer.Argument(help="Name or identifier of a template.")]
Readers = Annotated[str, typer.Option(help="private, group or public.")]
_TEMPLATE = "template:"
_SHOWN = 20


@graph.command()
def operations(json: Json = False) -> None:
    """What random processing can do, with parameters and defaults."""
    with signed_in() as client:
        found = client.graph_operations()
    if json:
        return as_json(found)
    rows = [
        (one.name, one.title, one.group_title, ", ".join(f"{p.name}={_short(p.default)}{p.unit}" for p in one.parameters))
        for one in found
    ]
    return as_table(("operation", "title", "group", "parameters"), rows)


@graph.command()
def check(dataset: Which, document: Document, seed: Seed = 0, json: Json = False) -> None:
    """What is wrong with a graph, what every node would output, and what a run would take."""
    from trainyard.records.graphs import GraphQuestion

    with signed_in() as client:
        question = GraphQuestion(graph=_read(client, document), seed=seed)
        found = client.check_graph(find(client, "datasets", dataset), question)
    if json:
        as_json(found)
    else:
        _show_check(found)
    if found.problems:
        raise typer.Exit(1)


@graph.command()
def preview(
    dataset: Which,
    document: Document,
    node: Annotated[str, typer.Argument(help="The node whose pictures are wanted.")],
    output: Annotated[Path, typer.Option(help="The folder the pictures are written into.")] = Path(),
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Eight real samples before and after a node, as JPEG files; with --json pictures and labels."""
    from trainyard.records.graphs import PreviewQuestion

    with signed_in() as client:
        question = PreviewQuestion(graph=_read(client, document), seed=seed, node=node)
        found = client.preview_graph(find(client, "datasets", dataset), question)
    if json:
        return as_json(found)
    output.mkdir(parents=True, exist_ok=True)
    rows = []
    for sample in found.samples:
        pictures = [("before", sample.before), *((str(number), one) for number, one in enumerate(sample.after))]
        for name, picture in pictures:
            if picture is not None:
                path = output / f"{sample.line}-{name}.jpg"
                path.write_bytes(base64.b64decode(picture.data.partition(",")[2]))
                rows.append((sample.line, path, picture.ops or "–"))
        if sample.error:
            rows.append((sample.line, Path(), sample.error))
    return as_table(("line", "file", "operations"), rows)


@graph.command()
def run(
    dataset: Which,
    document: Document,
    name: Annotated[str, typer.Argument(help="The new dataset's name.")],
    description: Annotated[str, typer.Option(help="What it is.")] = "",
    seed: Seed = 0,
    group: Annotated[str, typer.Option(help="The group that is charged.")] = "",
    quality: Annotated[int, typer.Option(min=1, max=100, help="JPEG quality of new pictures.")] = 95,
    bad_limit: Annotated[float, typer.Option(min=0, max=1, help="Stop above this part of broken pictures.")] = 0.05,
    wait: Annotated[bool, typer.Option(help="Until it is ready; Ctrl-C leaves it to itself.")] = True,
    json: Json = False,
) -> None:
    """Make a new dataset by a graph; the old one stays as it is."""
    from trainyard.records.graphs import NewGraphRun

    with signed_in() as client:
        new = NewGraphRun(
            graph=_read(client, document), seed=seed, name=name, description=description, group=group or None,
            quality=quality, bad_limit=bad_limit,
        )  # fmt: skip
        made = client.run_graph(find(client, "datasets", dataset), new)
        made = until_ready(client, made.id) if wait else made
        show_dataset(made, json=json)


@graph.command()
def show(dataset: Which, json: Json = False) -> None:
    """The graph that made a dataset, of which other, and what it left out."""
    with signed_in() as client:
        found = client.graph_of(find(client, "datasets", dataset))
    if json:
        return as_json(found)
    made = found.made
    fields: list[tuple[str, Any]] = [
        ("dataset", f"{found.name} ({found.dataset})"), ("seed", found.seed), ("kept", made.kept), ("new", made.new),
        ("broken", made.bad or None), ("objects gone", made.emptied or None), ("graph", json_text.dumps(found.graph)),
    ]  # fmt: skip
    return as_fields(fields)


@graph.command()
def convert(
    document: Document,
    to: Annotated[str, typer.Option(help="graph, or mix for AtFlow's request.")] = "graph",
    source: Annotated[str, typer.Option(help="The list a mix reads.")] = "source.jsonlist",
    target: Annotated[str, typer.Option(help="The list a mix writes.")] = "target.jsonlist",
) -> None:
    """Print a graph as this platform's JSON or as AtFlow's mix request; reads both."""
    from trainyard.cli.usage import WronglyUsed
    from trainyard.graph.document import read_graph
    from trainyard.graph.mix import to_mix

    if to not in {"graph", "mix"}:
        raise WronglyUsed(N_("--to is graph or mix."))
    if document.startswith(_TEMPLATE):
        with signed_in() as client:
            told = _read(client, document)
    else:
        told = _read_file(document)
    read, faults = read_graph(told)
    if read is None:
        raise faults[0].error()
    print(json_text.dumps(to_mix(read, source, target) if to == "mix" else read.document(), indent=2))


@templates.command("list")
def list_templates(search: Annotated[str, typer.Option(help="Words that are in the name.")] = "", json: Json = False) -> None:
    """Templates you may use."""
    with signed_in() as client:
        found = client.graph_templates(search)
    if json:
        return as_json(found)
    rows = [(one.id, one.name, word(one.visibility), one.owner.name, one.description) for one in found]
    return as_table(("id", "name", "visible to", "owner", "description"), rows)


@templates.command("show")
def show_template(template: Template, json: Json = False) -> None:
    """A template, and its graph."""
    with signed_in() as client:
        found = _find_template(client, template)
    if json:
        return as_json(found)
    return print(json_text.dumps(found.graph, indent=2))


@templates.command()
def save(
    document: Document,
    name: Annotated[str, typer.Argument(help="The template's name.")],
    description: Annotated[str, typer.Option(help="What it is.")] = "",
    visible: Readers = "private",
    group: Annotated[str, typer.Option(help="The group that may use it.")] = "",
    json: Json = False,
) -> None:
    """Keep a graph."""
    from trainyard.records.graphs import NewGraphTemplate, TemplateVisibility

    with signed_in() as client:
        told = _read(client, document)
        new = NewGraphTemplate(
            name=name, description=description, visibility=TemplateVisibility(visible), group=group or None, graph=told
        )
        _show_template(client.create_graph_template(new), json=json)


@templates.command()
def change(
    template: Template,
    name: Annotated[str | None, typer.Option(help="Its new name.")] = None,
    description: Annotated[str | None, typer.Option(help="What it is.")] = None,
    visible: Annotated[str | None, typer.Option(help="private, group or public.")] = None,
    group: Annotated[str | None, typer.Option(help="The group that may use it.")] = None,
    document: Annotated[str | None, typer.Option("--graph", help="A file of JSON, or template:NAME.")] = None,
    json: Json = False,
) -> None:
    """Change a template's name, description, readers or graph."""
    from trainyard.records.graphs import GraphTemplateChange, TemplateVisibility

    with signed_in() as client:
        asked = GraphTemplateChange(
            name=name, description=description, visibility=TemplateVisibility(visible) if visible else None, group=group,
            graph=_read(client, document) if document else None,
        )  # fmt: skip
        _show_template(client.change_graph_template(_find_template(client, template).id, asked), json=json)


@templates.command("delete")
def delete_template(template: Template, json: Json = False) -> None:
    """Delete a template; what was made by it stays."""
    with signed_in() as client:
        identifier = _find_template(client, template).id
        client.delete_graph_template(identifier)
    done(N_("Deleted {deleted}."), json=json, deleted=identifier)


def _read(client: Client, document: str) -> dict[str, Any]:
    if document.startswith(_TEMPLATE):
        return _find_template(client, document.removeprefix(_TEMPLATE)).graph
    return _read_file(document)


def _read_file(document: str) -> dict[str, Any]:
    """A JSON object from a file or standard input.

    Raises:
        NotFound: there is no such file. Invalid: it is no JSON object; the message names line and column.
    """
    from trainyard.errors import Invalid, NotFound

    try:
        text = sys.stdin.read() if document == "-" else Path(document).read_text(encoding="utf-8-sig")
        told = json_text.loads(text)
    except OSError:
        raise NotFound("no-such-file", N_("There is no file {file}."), file=document) from None
    except json_text.JSONDecodeError as error:
        sentence = N_("{file} is no JSON: line {line}, column {column}.")
        raise Invalid("graph-json", sentence, file=document, line=error.lineno, column=error.colno) from None
    except (ValueError, RecursionError):
        raise Invalid("graph-json", N_("{file} is no JSON in UTF-8."), file=document) from None
    if not isinstance(told, dict):
        raise Invalid("graph-shape", N_("A graph is an object with a list of nodes and a list of edges."))
    return told


def _find_template(client: Client, named: str) -> GraphTemplate:
    """A template by identifier or whole name.

    Raises:
        NotFound: there is none. Conflict: several are called so.
    """
    from trainyard.errors import Conflict, NotFound

    found = [one for one in client.graph_templates() if named in (one.id, one.name)]
    if not found:
        raise NotFound("no-such-template", N_("There is no template {id} that you may use."), id=named)
    if len(found) > 1:
        sentence, hint = N_("{count} are called {name}."), N_("Give an identifier: {ids}")
        ids = ", ".join(one.id for one in found)
        raise Conflict("name-not-unique", sentence, hint=hint, count=len(found), name=named, ids=ids)
    return found[0]


def _show_template(one: GraphTemplate, *, json: bool) -> None:
    if json:
        return as_json(one)
    fields = [("id", one.id), ("name", one.name), ("description", one.description), ("visible to", word(one.visibility))]
    return as_fields([*fields, ("group", one.group), ("owner", one.owner.name)])


def _show_check(found: GraphCheck) -> None:
    if found.problems:
        as_table(("node", "problem", "what to do"), [(one.node or "", one.message, one.hint) for one in found.problems])
    rows = []
    for node, count in found.counts.items():
        classes = [f"{name} {number}" for by_class in count.classes.values() for name, number in by_class.items() if number]
        more = ["…"] if len(classes) > _SHOWN else []
        rows.append((node, count.pictures, count.new, count.objects, ", ".join(classes[:_SHOWN] + more)))
    as_table(("node", "pictures", "new", "objects", "classes"), rows)
    if found.estimate:
        size, seconds = readable(found.estimate.bytes), round(found.estimate.seconds)
        say(N_("A run would write about {size} in about {seconds} s."), size=size, seconds=seconds)


def _short(value: Any) -> str:
    return f"[{', '.join(f'{end:g}' for end in value)}]" if isinstance(value, list) else str(value)
