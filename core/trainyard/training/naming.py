"""What frameworks and programs call their numbers, as the tags our pages know: ``val_acc`` is ``accuracy/validation``.

``train``, ``val`` and ``test`` may stand before or after the quantity, with ``_``, ``/``, ``-``, ``.`` or a space between.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from trainyard.metrics import tags

_PARTS = {
    "train": "train", "training": "train",
    "val": "validation", "valid": "validation", "validation": "validation", "eval": "validation",
    "test": "test",
}  # fmt: skip
_PART = "|".join(sorted(_PARTS, key=len, reverse=True))
_BEFORE = re.compile(rf"^({_PART})[_/\-. ]+(?=.)", re.IGNORECASE)
_AFTER = re.compile(rf"(?<=.)[_/\-. ]+({_PART})$", re.IGNORECASE)
_ACCURACIES = frozenset({"acc", "top1", "top-1", "sparse_categorical_accuracy", "categorical_accuracy", "binary_accuracy"})
_RATES = frozenset({"lr", "rate", "learning_rate", "learning-rate", "learningrate"})
_FORKS = ("_step", "_epoch")


def tag_of(name: str, part: str = "train") -> str:
    """The tag of a number called ``name``; ``part`` (train, validation, test) is its part where the name says none."""
    quantity, found = name.strip(), part
    for pattern in (_BEFORE, _AFTER):
        if match := pattern.search(quantity):
            quantity, found = pattern.sub("", quantity, count=1), _PARTS[match[1].lower()]
            break
    plain = quantity.lower().replace(" ", "_")
    if plain in _RATES:
        return tags.LEARNING_RATE
    return tags.metric_tag("accuracy" if plain in _ACCURACIES else quantity, found)


def unforked(names: Iterable[str]) -> list[str]:
    """``names`` without Lightning's doubles: ``loss_step`` and ``loss_epoch`` where there is ``loss`` too."""
    known = list(names)
    return [name for name in known if not any(name.endswith(fork) and name.removesuffix(fork) in known for fork in _FORKS)]
