"""What the platform's pods do before their processes start: ``home``, ``databases``, ``store`` and ``share``.

Each may be killed and done again. None of it knows the cluster: it reads mounted files and the environment.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import yaml
from trainyard.home import Home
from trainyard_spawner import files
from trainyard_spawner.swap import put_in_place

from trainyard_hub.settings import Settings
from trainyard_hub.stack import proxy, store
from trainyard_hub.stack.processes import hub_configuration
from trainyard_hub.stack.secrets import private_folder, write_private

CONFIGURATION = Path("/etc/trainyard/launcher.yaml")
STORE_KEYS = Path("/etc/trainyard/s3.json")
INSIDE = "TRAINYARD_INSIDE"
IMAGES = Path("/opt/trainyard/images")
DATABASE_SECONDS = 300
FOLDERS = ("hub", "proxy", "service", "logs", "stack")


def home(settings: Settings, configuration: Path = CONFIGURATION, images: Path = IMAGES) -> None:
    """Make the folders, what Traefik starts with, what the Hub starts with, the launcher's record and the catalogue."""
    where = settings.home
    for name in FOLDERS:
        private_folder(where.root / name)
    write_private(where.hub / "jupyterhub_config.py", hub_configuration().read_text(encoding="utf-8"))
    proxy.write_configuration(settings)
    record = yaml.safe_load(configuration.read_text(encoding="utf-8"))
    record["platform"] = os.environ[INSIDE]
    write_private(where.root / "kubernetes.yaml", yaml.safe_dump(record, allow_unicode=True))
    write_private(where.address, record["platform"] + "\n")
    catalogue(where, record.get("images", {}), images)


def catalogue(where: Home, references: Iterable[str], images: Path = IMAGES) -> None:
    """Put each ``name:version`` into the catalogue: on a cluster an image that is named is ready.

    ``images`` describes them, and has the examples that lie in each: a training's command is checked against those, also in
    the moment in which this is done again. What was built here stays as it is.
    """
    for reference in references:
        name, _, version = reference.partition(":")
        folder, described = where.images / name / version, images / name
        if (folder / "env").is_dir():
            continue
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        _renew(described / "examples", folder / "examples")
        recipe = described / "image.yaml"
        facts = yaml.safe_load(recipe.read_text(encoding="utf-8")) if recipe.is_file() else {}
        files.write_json(folder / "image.json", {**facts, "name": name, "version": version})


def without_environments(where: Home) -> None:
    """Take out of the catalogue what is there by its name only: without a cluster nothing can start it."""
    for described in where.images.glob("[!.]*/[!.]*/image.json"):
        if not os.path.lexists(described.parent / "env"):
            described.unlink()


def _renew(source: Path, place: Path) -> None:
    """``place`` becomes a copy of ``source``, one or the other at every moment; what is the same stays untouched."""
    if not source.is_dir():
        shutil.rmtree(place, ignore_errors=True)
    elif _content(source) != _content(place):
        draft, old = (place.with_name(f".{kind}-{place.name}") for kind in ("new", "old"))
        for left in (draft, old):
            shutil.rmtree(left, ignore_errors=True)
        shutil.copytree(source, draft)
        put_in_place(draft, place, old)
        shutil.rmtree(old, ignore_errors=True)


def _content(folder: Path) -> dict[Path, tuple[int, bytes]]:
    return {path.relative_to(folder): (path.stat().st_mode, path.read_bytes()) for path in folder.rglob("*") if path.is_file()}


def databases(service_url: str, hub_url: str) -> None:
    """Wait until the service's database answers, and make the Hub's beside it where it is missing."""
    from sqlalchemy import create_engine, make_url, text
    from sqlalchemy.exc import OperationalError

    engine = create_engine(service_url, isolation_level="AUTOCOMMIT")
    deadline = time.monotonic() + DATABASE_SECONDS
    wanted = make_url(hub_url).database or ""
    while True:
        try:
            with engine.connect() as connection:
                there = connection.execute(text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": wanted}).scalar()
                if not there and make_url(hub_url).host == make_url(service_url).host:
                    quoted = engine.dialect.identifier_preparer.quote(wanted)
                    connection.execute(text(f"CREATE DATABASE {quoted}"))
            break
        except OperationalError as error:
            if time.monotonic() > deadline:
                raise
            print(f"the database does not answer yet: {str(error.orig).strip()}", flush=True)
            time.sleep(2)
    engine.dispose()


def share(where: Home, group: int, gid: int) -> None:
    """Make the folder of a group's share, writable by all its members, whose files belong to the group; again is fine.

    Raises:
        OSError: it cannot be made, or a link lies in its place.
    """
    passage = where.volume / "groups"
    passage.mkdir(mode=0o711, exist_ok=True)
    folder = where.group_share(group)
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        there = os.fstat(opened)
        if (stat.S_IMODE(there.st_mode), there.st_uid, there.st_gid) != (0o2770, 0, gid):
            # without CAP_FSETID the bit is kept only where the group is our own; giving a folder away leaves it
            os.fchown(opened, 0, os.getegid())
            os.fchmod(opened, 0o2770)
            os.fchown(opened, 0, gid)
    finally:
        os.close(opened)


def serve_store(settings: Settings, port: int, keys: Path = STORE_KEYS) -> None:
    """Become SeaweedFS: S3, which asks for signatures, for the pods; everything else on loopback with certificates."""
    folder = store.security_folder(settings)
    private_folder(settings.home.secrets)
    write_private(settings.home.secrets / "s3.json", keys.read_text(encoding="utf-8"))
    store.write_configuration(settings)
    os.chdir(folder)
    argv = store.command(settings, Path(sys.executable).parent)
    argv = [f"-s3.port={port}" if one.startswith("-s3.port=") else one for one in argv]
    os.execv(argv[0], [*argv, "-s3.ip.bind=0.0.0.0"])  # noqa: S606 (an argv list)


def main(arguments: list[str]) -> None:
    """``home``, ``databases SERVICE_URL HUB_URL``, ``store PORT`` or ``share GROUP GID``."""
    what, *rest = arguments
    if what == "home":
        home(Settings())
    elif what == "databases":
        databases(*rest)
    elif what == "store":
        serve_store(Settings(), int(rest[0]))
    elif what == "share":
        share(Home.from_environment(), *map(int, rest))
    else:
        raise SystemExit(f"unknown: {what}")


if __name__ == "__main__":
    main(sys.argv[1:])
