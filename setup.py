"""Where each room's package lies; everything else about the project is in pyproject.toml."""

from setuptools import find_namespace_packages, setup

ROOMS = {
    "trainyard": "core",
    "trainyard_service": "extensions",
    "trainyard_pages": "extensions",
    "trainyard_server": "extensions",
    "trainyard_spawner": "spawner",
    "trainyard_widgets": "widgets",
    "trainyard_hub": "hub_config",
}

packages = [
    name
    for package, room in ROOMS.items()
    for name in find_namespace_packages(room, include=[package, f"{package}.*"])
    if "node_modules" not in name
]

LABEXTENSION = "extensions/trainyard_server/labextension"
SHARE = "share/jupyter/labextensions/@trainyard/launcher"

setup(
    packages=packages,
    data_files=[
        (SHARE, [f"{LABEXTENSION}/package.json"]),
        (f"{SHARE}/static", [f"{LABEXTENSION}/static/launcher.js"]),
        ("share/jupyter/lab/settings", [f"{LABEXTENSION}/overrides.json"]),
        # an image is read-only: nothing is built or installed in it, and asking whether it should be costs half a second
        ("etc/jupyter/labconfig", [f"{LABEXTENSION}/page_config.json"]),
    ],
    package_dir={package: f"{room}/{package}" for package, room in ROOMS.items()},
    package_data={package: ["**/*", "py.typed"] for package in ROOMS},
)
