"""Labels, annotations and places that the platform's end and the pod's end of a launch agree on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MANAGED_BY = "app.kubernetes.io/managed-by"
INSTANCE = "app.kubernetes.io/instance"
LAUNCH = "trainyard.io/launch"
START = "trainyard.io/start"
GANG = "trainyard.io/gang"
HOME = "trainyard.io/home"
"""Of what is in a group's namespace: the platform's own one, since platforms of two namespaces may have one name."""
KEPT = ("job-", "workspace-")
"""How keys of launches begin whose use is looked at also when they have ended."""
COPIED = "trainyard.io/copied"
"""Of a Secret in a group's namespace: of which version of its original it is."""
LISTENS = "trainyard.io/listens"
"""On which port of its pod's loopback the program of a Job serves."""
ADDRESS = "TRAINYARD_POD_ADDRESS"
STOP = "trainyard.io/stop"
VERDICT = "trainyard.io/verdict"
CONTAINER = "main"
WORKSPACE = "notebook"
"""The container of a workspace's pod, as KubeSpawner looks for it."""
COMPONENT = "component"
CODE = "/opt/trainyard"
PLAN = "/opt/plan"
LAUNCH_FOLDER = "/opt/launch"
OUTPUT_FOLDER = "/opt/output"
CERTIFICATE = "/dev/termination-log"
ENTRY = f"import sys; sys.path.insert(0, {CODE!r}); from trainyard_spawner.inside.pod import main; main(sys.argv[1:])"
COMMAND = ("python3", "-I", "-S", "-c", ENTRY)
CERTIFICATE_SECONDS = 15
"""How long a supervisor may take, after the last SIGKILL, to write down the end."""


def labels(instance: str, key: str | None = None) -> dict[str, str]:
    """The labels of everything of one platform, or of one launch."""
    common = {MANAGED_BY: "trainyard", INSTANCE: instance}
    return common if key is None else {**common, LAUNCH: key}


def gang_labels(instance: str, gang: tuple[str, ...]) -> dict[str, str]:
    """The labels of everything of one gang; it is called like its first replica."""
    return {**labels(instance), GANG: gang[0]}


def is_home_of(home: str, one: Mapping[str, Any]) -> bool:
    """Whether an object is of the platform in the namespace ``home``, and not of one of its name in another: a list of all
    namespaces has those too.
    """
    about = one["metadata"]
    return bool(about["namespace"] == home or about["labels"].get(HOME) == home)


def selector(instance: str) -> str:
    """A label selector for all launches of one platform."""
    return ",".join(f"{name}={value}" for name, value in labels(instance).items()) + f",{LAUNCH}"
