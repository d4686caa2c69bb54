"""Regular expressions that find numbers in what a program prints, as ``log_patterns`` of a training declares them.

A pattern is the name of a built-in one (``caffe``, ``darknet``, ``mxnet``, ``key-value``), or ``TAG=EXPRESSION``, with Python's
regular expressions:

    loss/train=average loss: (?P<value>\\S+)
    =step (?P<step>\\d+) of \\d+, accuracy (?P<accuracy>\\S+), rate (?P<lr>\\S+)

``value`` (without named groups the first group) is a point of TAG. ``step``, ``epoch``, ``epochs``, ``batch``, ``batches`` say
where the program is; ``name`` beside ``value`` names the quantity; ``file`` is a snapshot the program has written; every other
group is a quantity of its own, ``val_loss`` of the validation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from trainyard.errors import Invalid
from trainyard.words import N_

MOST_PATTERNS = 32
LONGEST = 1000
"""Characters of one pattern."""
_NUMBER = r"[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|nan|inf(?:inity)?)"


@dataclass(frozen=True)
class Pattern:
    """One expression; ``text`` is how it was declared, ``part`` the part of the data where a name says none."""

    text: str
    expression: re.Pattern[str]
    tag: str = ""
    part: str = "train"


def _own(expression: str, part: str = "train") -> Pattern:
    return Pattern(expression, re.compile(expression.replace("NUMBER", _NUMBER)), part=part)


_POSITION = (
    _own(r"(?i)\bepoch[ :=\[#]{0,4}(?P<epoch>\d{1,12})(?: ?/ ?(?P<epochs>\d{1,12}))?"),
    _own(r"(?i)\b(?:step|iter|iteration|global_step)[ :=\[#]{0,4}(?P<step>\d{1,18})"),
    _own(r"(?i)\bbatch[ :=\[#]{0,4}(?:\d{1,12}-)?(?P<batch>\d{1,12})(?: ?/ ?(?P<batches>\d{1,12}))?"),
)
_NAME = r"(?i)(?<![\w./-])(?P<name>[a-z_][\w./-]{0,63})"
_ASSIGNMENT = _own(_NAME + r" {0,4}[=:] {0,4}(?P<value>NUMBER)(?P<percent> ?%)?(?![\w:/.])")
BUILT_IN: dict[str, tuple[Pattern, ...]] = {
    # solver.cpp and sgd_solver.cpp of BVLC's Caffe; the loss of the iteration is the mean over ``average_loss`` of them
    "caffe": (
        _own(r"Iteration (?P<step>\d{1,18})(?: \((?P<iterations_per_second>NUMBER) iter/s)?"),
        _own(r"Iteration \d{1,18}(?: \([^)]{0,80}\))?, (?:loss = (?P<loss>NUMBER)|lr = (?P<lr>NUMBER))"),
        _own(r"Train net output #\d{1,4}: (?P<name>(?!loss )\S{1,64}) = (?P<value>NUMBER)"),
        _own(r"Test net output #\d{1,4}: (?P<name>\S{1,64}) = (?P<value>NUMBER)", part="validation"),
        _own(r"Snapshotting (?:solver state )?to (?:binary proto|HDF5) file (?P<file>\S{1,1024})"),
    ),
    # detector.c and classifier.c of pjreddie's and AlexeyAB's Darknet
    "darknet": (
        _own(
            r"^ {0,4}(?P<step>\d{1,18})(?:, \d[\d.]{0,11})?: (?P<batch_loss>NUMBER), (?P<loss>NUMBER) avg(?: loss)?, "
            r"(?P<lr>NUMBER) rate, (?P<seconds>NUMBER) seconds, (?P<samples>\d{1,18}) images"
        ),
        _own(r"mean average precision \(mAP@[\d.]{1,8}\) = (?P<val_map>NUMBER)"),
        _own(r"Saving weights to (?P<file>\S{1,1024})"),
    ),
    "mxnet": (
        *_POSITION,
        _own(r"Speed: (?P<samples_per_second>NUMBER) samples/sec"),
        _own(_NAME + r"=(?P<value>NUMBER)(?!\w)"),
    ),
    "key-value": (*_POSITION, _ASSIGNMENT),
}


def compiled(declared: Iterable[str]) -> list[Pattern]:
    """The patterns that ``declared`` names or spells out.

    Raises:
        Invalid: too many, too long, no built-in of that name, or an expression Python cannot read; the sentence says where.
    """
    texts = list(declared)
    if len(texts) > MOST_PATTERNS:
        raise _wrong(N_("{count} patterns were given; at most {limit} are used."), count=len(texts), limit=MOST_PATTERNS)
    found: list[Pattern] = []
    for text in texts:
        if len(text) > LONGEST:
            raise _wrong(N_("A pattern has {count} characters; at most {limit} are read."), count=len(text), limit=LONGEST)
        found.extend(BUILT_IN.get(text) or [_parsed(text)])
    return found


def wrapping(declared: Iterable[str]) -> tuple[str, ...]:
    """What to put before a command whose output shall be read by ``declared``; nothing without patterns."""
    options = [word for text in declared for word in ("--pattern", text)]
    return ("python", "-m", "trainyard.training.parse", *options, "--") if options else ()


def _parsed(text: str) -> Pattern:
    tag, equals, expression = text.partition("=")
    if not equals:
        known = ", ".join(BUILT_IN)
        raise _wrong(N_("There is no built-in pattern {pattern}; there are: {known}."), pattern=text, known=known)
    try:
        pattern = Pattern(text, re.compile(expression), tag=tag.strip())
    except (re.error, RecursionError, OverflowError) as error:
        raise _wrong(N_("The pattern {pattern} is no regular expression: {reason}."), pattern=text, reason=error) from None
    if not pattern.expression.groups:
        raise _wrong(N_("The pattern {pattern} has no group that finds a number."), pattern=text)
    if not pattern.expression.groupindex and not pattern.tag:
        raise _wrong(N_("The pattern {pattern} does not say what its number is called."), pattern=text)
    return pattern


def _wrong(message: str, **values: object) -> Invalid:
    return Invalid(
        "log-pattern",
        message,
        hint=N_("Write TAG=EXPRESSION, such as loss/train=loss: (?P<value>\\S+), or the name of a built-in pattern."),
        field="log_patterns",
        **{name: str(value) for name, value in values.items()},
    )
