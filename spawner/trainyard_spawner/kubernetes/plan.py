"""What the supervisor in the pod is told: the plan of one machine's supervisor, with the paths of the pod. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from trainyard.jobs.launch import LaunchSpec, resolved

from trainyard_spawner import sandbox
from trainyard_spawner.kubernetes import names

INIT = f"import sys; sys.path.insert(0, {names.CODE!r}); from trainyard_spawner.inside.pod import become_init; become_init()"


@dataclass(frozen=True)
class Outside:
    """What only the platform knows: where the output lies as the pod sees it, how long a log may grow, and the addresses of a
    gang's other replicas by their keys.
    """

    output: PurePosixPath
    log_limit: int
    addresses: Mapping[str, str] = field(default_factory=dict)


def plan(spec: LaunchSpec, outside: Outside) -> dict[str, Any]:
    """The content of ``plan.json``."""
    return {
        "key": spec.key,
        "init": {
            "argv": spec.argv,
            "environment": environment(spec, outside.addresses),
            "directory": str(spec.working_directory),
            "uid": spec.identity.uid,
            "gid": spec.identity.gid,
            "groups": spec.identity.groups,
            "files": {str(path): content for path, content in spec.files.items()},
            "relay_port": spec.platform_port,
            "listen_port": None,
        },
        "code": INIT,
        "in_gang": bool(spec.gang),
        "output": str(outside.output),
        "kept": names.LAUNCH_FOLDER if spec.key.startswith(names.KEPT) else None,
        "devices": None if spec.resources.gpu else [],
        "log_limit": outside.log_limit,
        "time_limit": spec.time_limit,
        "grace": spec.grace,
        "writable": [str(mount.target) for mount in spec.mounts if not mount.read_only] + [str(outside.output.parent)],
        "status": {"memory_limit": spec.resources.memory, "cpu_limit": spec.resources.cpu, "limits_by": "kubernetes"},
    }


def environment(spec: LaunchSpec, addresses: Mapping[str, str] | None = None) -> dict[str, str]:
    """The program's environment. ``PATH`` is the image's own, which the supervisor knows; ours is for one machine. The key of
    this replica stays: only the pod knows the address that it can listen at.
    """
    meeting = resolved(spec.environment, {**(addresses or {}), spec.key: spec.key}) if spec.gang else spec.environment
    complete = sandbox.environment(spec.model_copy(update={"gang": (), "environment": meeting}))
    return {name: value for name, value in complete.items() if name not in ("PATH", "VIRTUAL_ENV")}


def system(spec: LaunchSpec) -> dict[str, bytes]:
    """``/etc/passwd`` and ``/etc/group``, without which programs that ask who they are fail, and an ``/etc/profile`` that
    leaves ``PATH`` alone: terminals are login shells, and Debian's would put the image's programs out of reach.
    """
    accounts = {"passwd": sandbox.passwd(spec.identity), "group": sandbox.group(spec.identity)}
    return {name: content.encode() for name, content in {**accounts, "profile": "# as in a sandbox\n"}.items()}
