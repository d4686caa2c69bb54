"""JupyterLab's own files, the same for everybody who uses an image: at one address of the Hub, so that a browser keeps them.

A workspace's server would hand out the same five megabytes only once it has started. At the Hub they are fetched while it
starts, and again by nobody: their names carry the hash of their content.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from trainyard.home import Home

PLACE = "share/jupyter/lab/static"
NAME = re.compile(r"(?P<stem>[\w-]+)\.(?P<hash>[0-9a-f]{16,20})\.js")
# webpack's way to ask for a part; in the main file these are the parts every start asks for
ASKED = re.compile(r"\.e\((\d+)\)")


def prefix(environment: Path) -> str | None:
    """``<image>/<version>/<hash>`` of an image's JupyterLab below the Hub's address for them; None where there is none."""
    main = _main(environment / PLACE)
    if main is None:
        return None
    return f"{environment.parents[1].name}/{environment.parent.name}/{main['hash']}"


def find(home: Home, image: str, version: str, digest: str, name: str) -> Path | None:
    """The file ``name`` of that very JupyterLab; also of an image that was built anew since, for those who still run it."""
    if "/" in name:
        return None
    shelf = home.images / image
    for folder in (shelf / version, *shelf.glob(f".old-{version}-*")):
        static = folder / "env" / PLACE
        main = _main(static)
        if main is not None and main["hash"] == digest and (static / name).is_file():
            return static / name
    return None


def needed_first(environment: Path) -> list[str]:
    """What JupyterLab loads before its launcher is seen, as it will ask for it, the largest first."""
    static = environment / PLACE
    main = _main(static)
    return list(_needed(static / main[0])) if main else []


@lru_cache(maxsize=8)
def _needed(main: Path) -> tuple[str, ...]:
    asked = set(ASKED.findall(main.read_text(encoding="utf-8"))) | {"main", "jlab_core"}
    found = [(path.stat().st_size, path.name) for path in main.parent.glob("*.js")]
    named = [(size, match) for size, name in found if (match := NAME.fullmatch(name)) and match["stem"] in asked]
    ordered = sorted(named, key=lambda one: one[0], reverse=True)
    return tuple(f"{match[0]}?v={match['hash']}" for _, match in ordered)


def _main(static: Path) -> re.Match[str] | None:
    names = (NAME.fullmatch(path.name) for path in static.glob("main.*.js"))
    return next((match for match in names if match), None)
