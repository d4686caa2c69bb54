"""Rain, fog, snow and clouds, painted over a picture in a size that fits it.

Fog and clouds are fractal noise: random grids of ever finer mesh, each half as strong, made small and enlarged. Rain and snow
are three layers of streaks or flakes, from many faint ones far away to a few large ones near by.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from trainyard.graph.operations.operation import Operation, Pixels
from trainyard.graph.operations.parameters import Choice, Parameter
from trainyard.graph.operations.warp import resized, size_of
from trainyard.words import N_

Field = npt.NDArray[np.float32]
"""(height, width): 0 to 1."""
COARSE = 256
FINE = 2048
STRIP = 1 << 20
_SHIFT = 4


class Weathered(NamedTuple):
    """``strength`` in per cent; ``key`` says where drops, flakes, banks and clouds are."""

    kind: str
    strength: float
    key: int


class _Layer(NamedTuple):
    """Streaks or flakes at one distance; lengths as shares of the shorter edge."""

    many: int
    length: float
    thick: float
    light: float
    soft: float


_RAIN = (_Layer(1400, 0.035, 0.0012, 70, 0.001), _Layer(500, 0.075, 0.0022, 95, 0.0015), _Layer(70, 0.16, 0.005, 90, 0.006))
_SNOW = (_Layer(1300, 0.0, 0.006, 230, 0.0028), _Layer(380, 0.0, 0.011, 240, 0.004), _Layer(45, 0.006, 0.022, 215, 0.009))


def _weather(picture: Pixels, drawn: Weathered) -> Pixels:
    rng = np.random.Generator(np.random.SFC64(drawn.key))
    return _KINDS[drawn.kind](picture, drawn.strength / 100, rng)


def _fog(picture: Pixels, strength: float, rng: np.random.Generator) -> Pixels:
    """Thicker towards the top, where a photograph mostly shows what is far away."""
    field = _fractal(picture, rng, mesh=3)
    far = np.linspace(1.0, 0.55, field.shape[0], dtype=np.float32)[:, None]
    return _veiled(picture, np.clip(strength * far * (0.75 + 0.5 * field), 0, 1), (232, 228, 224))


def _clouds(picture: Pixels, strength: float, rng: np.random.Generator) -> Pixels:
    """Banks with soft edges and clear sky between them."""
    field = _fractal(picture, rng, mesh=4)
    edge = float(np.quantile(field, 1 - 0.75 * strength))
    bank = np.clip((field - edge) / 0.4 + 0.2, 0, 1)
    bank = bank * bank * (3 - 2 * bank) * np.float32(0.55 + 0.4 * strength)
    drop = max(1, bank.shape[0] // 40)
    below = np.pad(bank, ((drop, 0), (0, 0)), "edge")[: bank.shape[0]] * np.float32(0.6)  # shaded undersides give body
    return _veiled(_veiled(picture, below, (196, 186, 178)), bank, (252, 249, 246))


def _rain(picture: Pixels, strength: float, rng: np.random.Generator) -> Pixels:
    """A darker, paler picture behind streaks that all fall the same way."""
    lean = float(rng.uniform(-0.35, 0.35))
    dull = _toned(picture, 1 - 0.3 * strength, 12 * strength)
    return _lit(dull, _painted(picture, _RAIN, strength, lean, rng))


def _snow(picture: Pixels, strength: float, rng: np.random.Generator) -> Pixels:
    """Flakes before a picture that the air between has made paler."""
    pale = _toned(picture, 1 - 0.28 * strength, 52 * strength)
    return _lit(pale, _painted(picture, _SNOW, strength, float(rng.uniform(-0.6, 0.6)), rng))


_KINDS: dict[str, Callable[[Pixels, float, np.random.Generator], Pixels]] = {
    "rain": _rain,
    "fog": _fog,
    "snow": _snow,
    "clouds": _clouds,
}


def _fractal(picture: Pixels, rng: np.random.Generator, mesh: int) -> Field:
    """Noise of 0 to 1 in the picture's shape, its longer edge ``COARSE``; ``mesh`` spots lie along the shorter edge."""
    width, height = size_of(picture)
    share = COARSE / max(width, height)
    across, down = max(2, round(width * share)), max(2, round(height * share))
    total, weight = np.zeros((down, across), np.float32), 1.0
    cell = max(1.0, min(across, down) / mesh)
    while cell >= 2:
        grid = rng.random((int(down / cell) + 4, int(across / cell) + 4), np.float32)
        place = np.array([[1 / cell, 0, 1.5], [0, 1 / cell, 1.5]])
        smooth = cv2.warpAffine(grid, place, (across, down), flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP)
        total += np.asarray(smooth, dtype=np.float32) * np.float32(weight)
        cell, weight = cell / 2, weight * 0.55
    low, high = float(total.min()), float(total.max())
    return (total - np.float32(low)) / np.float32(max(high - low, 1e-6))


def _veiled(picture: Pixels, cover: Field, colour: tuple[int, int, int]) -> Pixels:
    """``colour`` laid over ``picture``, as dense as ``cover`` (a coarse field) says; in strips, for the memory."""
    width, height = size_of(picture)
    made = np.empty_like(picture)
    rows = max(1, STRIP // width)
    for top in range(0, height, rows):
        strip = picture[top : top + rows]
        dense = _enlarged(cover, top, strip.shape[0], (width, height))
        veil = np.empty_like(strip)
        veil[...] = colour if picture.ndim == 3 else colour[1]
        made[top : top + rows] = cv2.blendLinear(strip, veil, 1 - dense, dense)
    return made


def _enlarged(cover: Field, top: int, rows: int, size: tuple[int, int]) -> Field:
    """``rows`` rows, from ``top``, of ``cover`` enlarged to ``size`` (width, height)."""
    across, down = cover.shape[1] / size[0], cover.shape[0] / size[1]
    place = np.array([[across, 0, 0.5 * across - 0.5], [0, down, (top + 0.5) * down - 0.5]])
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    made = cv2.warpAffine(cover, place, (size[0], rows), flags=how, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(made, dtype=np.float32)


def _toned(picture: Pixels, contrast: float, add: float) -> Pixels:
    table = np.rint(np.clip(np.arange(256) * contrast + add, 0, 255)).astype(np.uint8)
    return np.asarray(cv2.LUT(picture, table), dtype=np.uint8)


def _painted(picture: Pixels, layers: tuple[_Layer, ...], strength: float, lean: float, rng: np.random.Generator) -> Pixels:
    """(height, width): how much light streaks or flakes add; painted no finer than ``FINE``, as they are soft anyway."""
    size = size_of(picture)
    share = min(1.0, FINE / max(size))
    width, height = (max(1, round(edge * share)) for edge in size)
    light = np.zeros((height, width), np.uint8)
    for layer in layers:
        one = np.zeros_like(light)
        for part in range(4):  # of different brightness and thickness
            shade = layer.light * (0.55 + 0.15 * part)
            _strokes(one, layer, (strength, lean, 0.6 + 0.25 * part, shade), rng)
        soft = layer.soft * min(width, height)
        light = np.maximum(light, cv2.GaussianBlur(one, (0, 0), soft) if soft > 0.3 else one)
    return resized(light, size)


def _strokes(canvas: Pixels, layer: _Layer, how: tuple[float, float, float, float], rng: np.random.Generator) -> None:
    strength, lean, thickness, shade = how
    width, height = size_of(canvas)
    shorter = min(width, height)
    many = max(1, round(layer.many / 4 * strength * width * height / shorter**2))
    start = rng.uniform((-0.1 * width, -0.1 * height), (1.1 * width, 1.1 * height), (many, 2))
    length = layer.length * shorter * rng.uniform(0.6, 1.2, many)
    turn = lean + rng.normal(0, 0.03, many)
    end = start + np.stack([length * np.sin(turn), length * np.cos(turn)], axis=1)
    lines = np.rint(np.stack([start, end], axis=1) * (1 << _SHIFT)).astype(np.int32)
    thick = max(1, round(layer.thick * thickness * shorter))
    cv2.polylines(canvas, list(lines), False, (shade,), thick, cv2.LINE_AA, _SHIFT)


def _lit(picture: Pixels, light: Pixels) -> Pixels:
    """``light`` laid over ``picture`` as on a screen: where both are bright it does not burn out."""
    made = np.empty_like(picture)
    rows = max(1, STRIP // picture.shape[1])
    for top in range(0, picture.shape[0], rows):
        strip, over = picture[top : top + rows], light[top : top + rows]
        over = np.asarray(cv2.merge([over] * 3), dtype=np.uint8) if picture.ndim == 3 else over
        made[top : top + rows] = cv2.add(strip, cv2.multiply(cv2.bitwise_not(strip), over, scale=1 / 255))
    return made


WEATHER = Operation(
    name="weather",
    title=N_("Weather"),
    group="covering",
    text=N_("Lets it rain or snow, or lays fog or clouds over the picture."),
    drawn=Weathered,
    apply=_weather,
    parameters=(
        Parameter(
            name="kind",
            title=N_("Kind"),
            kind="choice",
            default="rain",
            choices=(
                Choice("rain", N_("Rain")),
                Choice("fog", N_("Fog")),
                Choice("snow", N_("Snow")),
                Choice("clouds", N_("Clouds")),
            ),
        ),
        Parameter(
            name="strength",
            title=N_("Strength"),
            kind="range",
            default=(30.0, 70.0),
            minimum=1,
            maximum=100,
            step=1,
            unit="%",
        ),
    ),
)
