"""Every operation that the preprocessing graph may do to a picture, with what it does to boxes, landmarks and polygons.

A step of a graph (operation, probability, parameters) is drawn first: ``choose`` gives plain numbers, which
``describe`` writes into the sample's ``ops`` and ``replay`` reads again. ``render`` does to a picture what was drawn, ``move``
does it to its labels and needs the picture's size only. ``transform`` is all three. Pictures are uint8 of shape
(height, width) or (height, width, 3) in BGR order and never changed in place; the same generator gives the same bytes.
"""

from __future__ import annotations

from trainyard.graph.operations.annotations import MIN_VISIBLE, Mark
from trainyard.graph.operations.operation import Group, Operation, Pixels, Points, Size
from trainyard.graph.operations.parameters import Choice, Parameter, checked
from trainyard.graph.operations.registry import GROUPS, OPERATIONS
from trainyard.graph.operations.script import Chosen, describe, replay
from trainyard.graph.operations.transform import Step, Transformed, choose, move, render, size_after, step, transform

__all__ = [
    "GROUPS",
    "MIN_VISIBLE",
    "OPERATIONS",
    "Choice",
    "Chosen",
    "Group",
    "Mark",
    "Operation",
    "Parameter",
    "Pixels",
    "Points",
    "Size",
    "Step",
    "Transformed",
    "checked",
    "choose",
    "describe",
    "move",
    "render",
    "replay",
    "size_after",
    "step",
    "transform",
]
