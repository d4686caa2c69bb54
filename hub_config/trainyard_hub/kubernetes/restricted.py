"""Whether a pod meets the *restricted* pod security standard, rule by rule; clusters before v1.23 do not ask. Pure functions.

The rules are those of https://kubernetes.io/docs/concepts/security/pod-security-standards/ .
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from trainyard_hub.kubernetes.parts import Object

VOLUMES = frozenset(
    {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
)
SECCOMP = ("RuntimeDefault", "Localhost")
BASELINE_CAPABILITIES = frozenset(
    {
        "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP", "SETGID",
        "SETPCAP", "SETUID", "SYS_CHROOT",
    }
)  # fmt: skip


def violations(specification: Object) -> list[str]:
    """Every rule that the pod of ``specification`` breaks, as ``container: rule``; empty: it meets the standard."""
    return [
        *_of_pod(specification),
        *(found for one in _containers(specification) for found in _of_container(specification, one)),
    ]


def baseline_violations(specification: Object) -> list[str]:
    """The same for *baseline*."""
    found = [f"pod: {name}" for name in ("hostNetwork", "hostPID", "hostIPC") if specification.get(name)]
    found += [f"volume {one['name']}: hostPath" for one in specification.get("volumes", ()) if "hostPath" in one]
    for one in _containers(specification):
        security = one.get("securityContext", {})
        added = set(security.get("capabilities", {}).get("add", ())) - BASELINE_CAPABILITIES
        found += [f"{one['name']}: {rule}" for rule in sorted(added)]
        if security.get("privileged"):
            found.append(f"{one['name']}: privileged")
    return found


def pods(objects: list[Object]) -> Iterator[tuple[str, Object]]:
    """The pod specifications in ``objects``, by what makes them."""
    for one in objects:
        template = one.get("spec", {}).get("template")
        if one["kind"] == "Pod":
            yield one["metadata"]["name"], one["spec"]
        elif isinstance(template, dict):
            yield one["metadata"]["name"], template["spec"]


def _of_pod(specification: Object) -> Iterator[str]:
    yield from baseline_violations(specification)
    for one in specification.get("volumes", ()):
        if kinds := set(one) - {"name"} - VOLUMES - {"hostPath"}:
            yield f"volume {one['name']}: {', '.join(sorted(kinds))}"


def _of_container(specification: Object, one: Object) -> Iterator[str]:
    name, security = one["name"], one.get("securityContext", {})
    whole: dict[str, Any] = {**specification.get("securityContext", {}), **security}
    if security.get("allowPrivilegeEscalation") is not False:
        yield f"{name}: allowPrivilegeEscalation"
    if whole.get("runAsNonRoot") is not True or whole.get("runAsUser") == 0:
        yield f"{name}: runAsNonRoot"
    if whole.get("seccompProfile", {}).get("type") not in SECCOMP:
        yield f"{name}: seccompProfile"
    capabilities = security.get("capabilities", {})
    if "ALL" not in capabilities.get("drop", ()):
        yield f"{name}: capabilities.drop"
    if set(capabilities.get("add", ())) - {"NET_BIND_SERVICE"}:
        yield f"{name}: capabilities.add"


def _containers(specification: Object) -> list[Object]:
    return [*specification.get("initContainers", ()), *specification["containers"]]
