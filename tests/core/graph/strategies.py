"""Parameters of operations, pictures and sizes, drawn by hypothesis over all that the tables allow."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from trainyard.graph.operations import OPERATIONS, Operation, Parameter, Pixels

KEYS = st.integers(0, 2**63)


def rng(key: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key))


def noise_picture(width: int, height: int, channels: int = 3) -> Pixels:
    shape = (height, width, 3) if channels == 3 else (height, width)
    return np.random.default_rng(width * 7 + height).integers(0, 256, shape, np.uint8)


@st.composite
def value(draw: st.DrawFn, parameter: Parameter, most: float = 1e9) -> Any:
    if parameter.kind == "flag":
        return draw(st.booleans())
    if parameter.kind == "choice":
        return draw(st.sampled_from([choice.value for choice in parameter.choices]))
    low, high = parameter.minimum, min(parameter.maximum, most)
    number = st.integers(int(low), int(high)) if parameter.whole else st.floats(low, high)
    return sorted([draw(number), draw(number)]) if parameter.kind == "range" else draw(number)


@st.composite
def parameters(draw: st.DrawFn, operation: Operation[Any], most: float = 400) -> dict[str, Any]:
    """Any that ``operation`` takes; ``most`` keeps pictures small."""
    return {parameter.name: draw(value(parameter, most)) for parameter in operation.parameters}


def named(names: Any = tuple(OPERATIONS)) -> Any:
    return st.sampled_from(sorted(names)).map(OPERATIONS.__getitem__)
