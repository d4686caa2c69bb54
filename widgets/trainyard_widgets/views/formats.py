"""Which formats can hold which labels, and the sentence that says why not."""

from __future__ import annotations

from trainyard.records.datasets import Format, LabelSetSummary
from trainyard.words import N_, translate

PICTURES_ONLY = "none"
BOXES = frozenset({"detection", "face"})
BOXES_ONLY = frozenset({Format.ROIDB})
"""As ``accepts`` of ``trainyard.formats.registry`` says; a test compares, because a page's kernel need not load the writers."""
_REASON = N_("only for label sets with boxes")


def refused_formats(label_sets: list[LabelSetSummary], language: str) -> dict[str, dict[str, str]]:
    """For each label set's key (and ``none``): the formats that cannot hold it, each with the reason."""
    refused = {name.value: translate(_REASON, language) for name in sorted(BOXES_ONLY)}
    plain = {f"{labels.type}.{labels.name}": {} if labels.type in BOXES else refused for labels in label_sets}
    return {**plain, PICTURES_ONLY: refused}
