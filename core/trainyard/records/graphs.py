"""The preprocessing graph: what it can do, what it would make, how it looks, and graphs that are kept as templates.

A graph travels as its JSON document (``trainyard.graph.document`` says how it looks, docs/graph.md shows it); whoever answers
reads it there, so that a graph that is not whole yet gets its problems told and not a refusal.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from trainyard.records.base import Description, Name, Person, Record

GraphDocument = dict[str, Any]
"""``{"version": 1, "nodes": [...], "edges": [...]}``; AtFlow's mix request (``{"ops": [...]}``) is understood too."""

PREVIEW_EDGE = 320
"""Pictures of a preview are at most so many pixels wide and high."""
PREVIEW_SAMPLES = 8


class Choice(Record):
    """One value of a parameter to choose from, and its name for people."""

    value: str
    title: str


class When(Record):
    """A parameter counts only while the choice ``parameter`` of the same operation has one of ``values``."""

    parameter: str
    values: list[str]


class Parameter(Record):
    """One parameter of an operation.

    ``kind`` says what its value is: ``range`` [lowest, highest] (a number between them is drawn for each new picture),
    ``number``, ``choice`` (one of ``choices``) or ``flag``. ``title``, ``text`` and the choices' titles are in the reader's
    language. Numbers lie between ``minimum`` and ``maximum``; ``step`` is what a slider moves by;
    with ``whole`` they are whole numbers.
    """

    name: str
    title: str
    kind: Literal["range", "number", "choice", "flag"]
    default: float | bool | str | list[float]
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    whole: bool = False
    when: When | None = None
    choices: list[Choice] = []
    unit: str = ""
    text: str = ""


class Operation(Record):
    """One operation of a random processing node. ``group`` is where a menu keeps it; ``moves_boxes``: labels move with it."""

    name: str
    title: str
    group: str
    group_title: str
    moves_boxes: bool
    text: str = ""
    parameters: list[Parameter] = []


class GraphQuestion(Record):
    """A graph that may be unfinished. ``seed`` decides everything that is drawn at random."""

    graph: GraphDocument
    seed: int = Field(default=0, ge=0, le=2**32 - 1)


class GraphProblem(Record):
    """A rule that the graph breaks: at which node (None: the graph as a whole), at which field of it, and what to do.

    ``field`` is a path inside the node, such as ``ops[0].parameters.angle``.
    """

    node: str | None
    code: str
    message: str
    hint: str = ""
    field: str | None = None


class NodeCount(Record):
    """What leaves a node: pictures, how many of them are ``new``, objects, and both by label set and class.

    ``classes`` and ``objects_by_class`` map ``<type>.<name>`` to class to count. Exact but for pictures that turn out to be
    broken, and boxes that leave the frame.
    """

    pictures: int
    new: int
    objects: int
    unlabelled: int
    classes: dict[str, dict[str, int]] = {}
    objects_by_class: dict[str, dict[str, int]] = {}


class GraphEstimate(Record):
    """What a run will make and take: ``pictures`` in the new dataset, ``new`` ones among them with their ``bytes``."""

    pictures: int
    new: int
    bytes: int
    seconds: float


class GraphCheck(Record):
    """What is wrong with a graph, and what each node will output (as far as the graph is whole).

    ``graph`` is the document as it was understood: defaults filled in, AtFlow's mix turned into nodes and edges; None where
    it could not be read at all. ``estimate`` is None while there are problems.
    """

    problems: list[GraphProblem]
    graph: GraphDocument | None = None
    counts: dict[str, NodeCount] = {}
    estimate: GraphEstimate | None = None


class PreviewQuestion(GraphQuestion):
    """Which node's pictures are wanted."""

    node: str


class PreviewPicture(Record):
    """A picture as a ``data:`` url (JPEG, at most 320 pixels wide and high).

    ``width`` × ``height`` is its full size in pixels, in which the boxes of ``labels`` (label sets as in a list) are;
    ``ops`` is what the run would write beside it, empty for the original.
    """

    data: str
    width: int
    height: int
    labels: list[dict[str, Any]]
    ops: str = ""


class PreviewSample(Record):
    """One of the eight samples: as it stands in the list, and what leaves the node of it (nothing: it was filtered out).

    At most four pictures are in ``after``; ``outputs`` counts all. ``error`` says why a picture cannot be shown.
    """

    line: int
    url: str
    before: PreviewPicture | None
    after: list[PreviewPicture]
    outputs: int
    error: str = ""


class GraphPreview(Record):
    """The same (at most) eight samples of the dataset at whichever node of a graph."""

    node: str
    samples: list[PreviewSample]


class NewGraphRun(GraphQuestion):
    """A new dataset to be made by a graph.

    ``group`` is charged, for the job and for the bytes; without one it is the group the caller joined first. ``quality`` is
    JPEG's, for new pictures; ``bad_limit`` the part of broken pictures above which the job stops.
    """

    name: Name
    description: Description = ""
    group: str | None = None
    quality: int = Field(default=95, ge=1, le=100)
    bad_limit: float = Field(default=0.05, ge=0, le=1)


class GraphTotals(Record):
    """What a run made: ``kept`` lines of the source and ``new`` pictures with their ``bytes``; and what it left out.

    Of ``tried`` samples that had to be read ``bad`` could not be, which cost ``unmade`` new pictures; of ``emptied`` new
    pictures all objects were outside; ``videos`` more would have come of videos; ``objects`` left pictures that stayed.
    """

    kept: int
    new: int
    bytes: int
    tried: int = 0
    bad: int = 0
    unmade: int = 0
    emptied: int = 0
    videos: int = 0
    objects: int = 0


class GraphLineage(Record):
    """How a dataset was made: of which other (``dataset``, its ``name`` then, its list's SHA-256), by which graph, and how."""

    dataset: str
    name: str
    list_sha256: str
    graph: GraphDocument
    seed: int
    quality: int
    made: GraphTotals


class TemplateVisibility(StrEnum):
    """Who may use a template."""

    PRIVATE = "private"
    GROUP = "group"
    PUBLIC = "public"


class NewGraphTemplate(Record):
    """A graph to keep. ``group`` names whose members see it when ``visibility`` is ``group``.

    Only administrators keep public ones.
    """

    name: Name
    description: Description = ""
    visibility: TemplateVisibility = TemplateVisibility.PRIVATE
    group: str | None = None
    graph: GraphDocument


class GraphTemplateChange(Record):
    """What is to be changed; the rest stays."""

    name: Name | None = None
    description: Description | None = None
    visibility: TemplateVisibility | None = None
    group: str | None = None
    graph: GraphDocument | None = None


class GraphTemplate(Record):
    """A graph that is kept; ``id`` is 16 hexadecimal digits."""

    id: str
    name: str
    description: str
    visibility: TemplateVisibility
    group: str | None
    graph: GraphDocument
    owner: Person
    created: datetime
    may_change: bool
