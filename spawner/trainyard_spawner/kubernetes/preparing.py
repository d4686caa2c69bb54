"""What the pod of a launch is put together from, a job or a workspace: the places on its claims, and the Secret it reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from trainyard.home import Home
from trainyard.jobs.launch import LaunchSpec

from trainyard_spawner.kubernetes import names, objects, plan, volumes
from trainyard_spawner.kubernetes.configuration import Configuration, pulled
from trainyard_spawner.kubernetes.pod import Object, Parts
from trainyard_spawner.kubernetes.volumes import Shown
from trainyard_spawner.sandbox_launcher import log_limit


@dataclass(frozen=True)
class Beside:
    """What is on the cluster before the launch: the ConfigMap ``code`` with its ``modules``, and the addresses of a gang's
    other replicas by their keys.
    """

    code: str
    modules: tuple[str, ...]
    addresses: Mapping[str, str] = field(default_factory=dict)


def prepared(spec: LaunchSpec, home: Home, configuration: Configuration, beside: Beside) -> tuple[Object, Parts]:
    """The launch's Secret, and the parts of its pod.

    Raises:
        NotFound: the image is not known on this cluster (``image-missing``).
        Invalid: a folder lies on no claim (``mount-not-on-cluster``).
    """
    layout = volumes.lay_out(spec, home, configuration.places)
    shown, output = _places(spec, home, configuration)
    content = {
        "plan.json": json.dumps(plan.plan(spec, plan.Outside(output, log_limit(), beside.addresses))).encode(),
        "address": configuration.platform.encode(),
        **plan.system(spec),
        **{f"file-{number}": mount.source.read_bytes() for number, mount in enumerate(layout.carried)},
    }
    carried = ((str(mount.target), f"file-{number}") for number, mount in enumerate(layout.carried))
    files = (*((f"/etc/{name}", name) for name in plan.system(spec)), *carried)
    image = pulled(configuration, spec.image)
    parts = Parts(image, beside.code, beside.modules, spec.key, (*layout.shown, shown), files)
    return objects.secret(spec, content, configuration), parts


def _places(spec: LaunchSpec, home: Home, configuration: Configuration) -> tuple[Shown, PurePosixPath]:
    """The launch's own folder, and its output file, as the pod sees them."""
    own = home.launches / spec.key
    place = volumes.place_of(own, home, configuration.claims)
    if place is None:
        raise volumes.not_on_cluster(own)
    shown = Shown(place, names.LAUNCH_FOLDER, read_only=False)
    if spec.output is None:
        return shown, PurePosixPath(names.LAUNCH_FOLDER) / "output.log"
    inside = volumes.seen_inside(spec.output, spec.mounts)
    if inside is None:
        raise volumes.not_on_cluster(spec.output)
    return shown, inside
