"""All operations, in the order in which a page shows them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from trainyard.graph.operations.affine import SCALE, SHEAR, TRANSLATE
from trainyard.graph.operations.colour import GREYSCALE, HUE, SATURATION
from trainyard.graph.operations.cutout import CUTOUT
from trainyard.graph.operations.distortion import ELASTIC, PERSPECTIVE
from trainyard.graph.operations.frame import CROP, PAD, RESIZE
from trainyard.graph.operations.light import BRIGHTNESS, CONTRAST, EQUALISE
from trainyard.graph.operations.noise import NOISE
from trainyard.graph.operations.operation import Group, Operation
from trainyard.graph.operations.sharpness import BLUR, SHARPEN
from trainyard.graph.operations.turns import FLIP, FLOP, ROTATE
from trainyard.graph.operations.weather import WEATHER
from trainyard.words import N_

GROUPS: Mapping[Group, str] = MappingProxyType(
    {
        "geometry": N_("Geometry"),
        "frame": N_("Frame and size"),
        "blur": N_("Sharpness"),
        "noise": N_("Noise"),
        "light": N_("Light"),
        "colour": N_("Colour"),
        "covering": N_("Covering and weather"),
    }
)
_ALL: tuple[Operation[Any], ...] = (
    FLIP,
    FLOP,
    ROTATE,
    SCALE,
    TRANSLATE,
    SHEAR,
    PERSPECTIVE,
    ELASTIC,
    CROP,
    PAD,
    RESIZE,
    BLUR,
    SHARPEN,
    NOISE,
    BRIGHTNESS,
    CONTRAST,
    EQUALISE,
    SATURATION,
    HUE,
    GREYSCALE,
    CUTOUT,
    WEATHER,
)
OPERATIONS: Mapping[str, Operation[Any]] = MappingProxyType({operation.name: operation for operation in _ALL})
