"""What the graph's page draws: classes with counts, operations by name, templates, and samples with their boxes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from trainyard.records.datasets import DatasetDetail, LabelSetSummary
from trainyard.records.graphs import GraphPreview, GraphTemplate, Operation, PreviewPicture, PreviewSample

from trainyard_widgets.views.statistics import in_order


def label_sets_view(detail: DatasetDetail) -> list[dict[str, Any]]:
    """Each label set with its classes as ``[name, pictures]``, short because there may be a hundred thousand of them."""
    return [_label_set(summary) for summary in detail.label_sets]


def _label_set(summary: LabelSetSummary) -> dict[str, Any]:
    return {
        "key": f"{summary.type}.{summary.name}",
        "name": summary.name,
        "type": summary.type,
        "images": summary.images,
        "classes": [[name, summary.classes[name]] for name in in_order(summary.classes)],
    }


def operations_view(operations: Iterable[Operation]) -> dict[str, Any]:
    """The operations by name, in the order of the service."""
    return {one.name: one.model_dump(mode="json") for one in operations}


def template_view(template: GraphTemplate) -> dict[str, Any]:
    """One template with its graph."""
    return template.model_dump(mode="json", exclude={"owner"}) | {"owner": template.owner.name}


def preview_view(preview: GraphPreview, colours: Mapping[str, int]) -> dict[str, Any]:
    """The samples before and after a node; every box with its class's colour number."""
    return {"node": preview.node, "samples": [_sample(one, colours) for one in preview.samples]}


def _sample(sample: PreviewSample, colours: Mapping[str, int]) -> dict[str, Any]:
    return {
        "line": sample.line,
        "name": sample.url.rsplit("/", 1)[-1],
        "before": _picture(sample.before, colours) if sample.before else None,
        "after": [_picture(one, colours) for one in sample.after],
        "outputs": sample.outputs,
        "error": sample.error,
    }


def _picture(picture: PreviewPicture, colours: Mapping[str, int]) -> dict[str, Any]:
    entries = [(labels, entry) for labels in picture.labels for entry in labels.get("data", ())]
    return {
        "data": picture.data,
        "width": picture.width,
        "height": picture.height,
        "ops": picture.ops,
        "tags": [{"set": labels.get("name", ""), "class": entry["class"]} for labels, entry in entries if _is_tag(entry)],
        "boxes": [_box(labels, entry, colours) for labels, entry in entries if entry.get("bbox")],
    }


def _is_tag(entry: dict[str, Any]) -> bool:
    return not entry.get("bbox") and bool(entry.get("class"))


def _box(labels: dict[str, Any], entry: dict[str, Any], colours: Mapping[str, int]) -> dict[str, Any]:
    """A box by its corners, in pixels of the picture at its full size; two points are opposite corners."""
    points = [(float(x), float(y)) for x, y in entry["bbox"]]
    left, top = min(x for x, _ in points), min(y for _, y in points)
    right, bottom = max(x for x, _ in points), max(y for _, y in points)
    name = entry.get("class") or (entry.get("cluster") or {}).get("id") or labels.get("type", "")
    return {
        "class": name,
        "colour": colours.get(name, 0),
        "left": left,
        "top": top,
        "corners": [[left, top], [right, top], [right, bottom], [left, bottom]],
        "outline": [[float(x), float(y)] for x, y in entry.get("polygon") or ()],
        "points": [[float(x), float(y)] for x, y in (mark["pt"] for mark in entry.get("landmarks") or ())],
    }
