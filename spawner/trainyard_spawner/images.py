"""Images on one machine: environments under ``<home>/images/<name>/<version>/env``, whole once ``image.json`` is there."""

from __future__ import annotations

import re
from pathlib import Path

from trainyard.errors import NotFound
from trainyard.home import Home
from trainyard.words import N_

REFERENCE = re.compile(r"^[a-z0-9][a-z0-9._-]{0,62}:[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")


def environment_of(home: Home, reference: str) -> Path:
    """The environment of the image ``name:version``.

    Raises:
        NotFound: it has not been built on this machine (``image-missing``).
    """
    if REFERENCE.match(reference):
        folder = home.images.joinpath(*reference.split(":"))
        if (folder / "image.json").is_file():
            return folder / "env"
    raise NotFound(
        "image-missing",
        N_("The image {image} is not on this machine."),
        hint=N_("Choose another image, or ask the administrator to build this one."),
        field="image",
        image=reference,
    )
