"""The Jobs that prepare groups' shares, each once, before a pod may mount its claim. Pure functions.

A claim of one group is a folder of the storage, which must be there, and be the group's, when the first pod mounts it. The Job
runs in the platform's own namespace, where the whole volume is a claim and a pod may give folders away: in the namespace of
launches nobody may.
"""

from __future__ import annotations

from trainyard_hub.kubernetes.configuration import Amount, Deployment
from trainyard_hub.kubernetes.parts import HOME, PYTHON, Object, giving_away, labels, metadata, named, resources
from trainyard_hub.kubernetes.storage import VOLUME, claim_name

FIRST_GID = 30_000
"""The service's: a group's files belong to this and its number."""
COMPONENT = "share"
SECONDS = 600
AMOUNT = Amount(cpu="50m", memory="64Mi", memory_limit="128Mi")
# a Job's pod cannot be changed: with Helm it is made anew
HELM = {"helm.sh/hook": "post-install,post-upgrade", "helm.sh/hook-delete-policy": "before-hook-creation"}


def share_jobs(deployment: Deployment) -> list[Object]:
    """One for each group whose share is a claim of its own."""
    return [share_job(deployment, group) for group in deployment.named_groups]


def share_job(deployment: Deployment, group: int) -> Object:
    """Make the folder of ``group``'s share: mode 2770, the group's number."""
    about = metadata(deployment, named(deployment, f"share-{group}"), COMPONENT)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {**about, "annotations": dict(HELM)},
        "spec": {
            "backoffLimit": 6,
            "activeDeadlineSeconds": SECONDS,
            "template": {"metadata": {"labels": labels(deployment, COMPONENT)}, "spec": _pod(deployment, group)},
        },
    }


def _pod(deployment: Deployment, group: int) -> Object:
    placed: Object = {"nodeSelector": dict(deployment.node_selector)} if deployment.node_selector else {}
    if deployment.pull_secrets:
        placed["imagePullSecrets"] = [{"name": name} for name in deployment.pull_secrets]
    one = {
        "name": COMPONENT,
        "image": deployment.image,
        "imagePullPolicy": deployment.pull_policy,
        "command": [PYTHON, "-m", "trainyard_hub.kubernetes.prepare", "share", str(group), str(FIRST_GID + group)],
        "env": [{"name": "TRAINYARD_HOME", "value": HOME}],
        "resources": resources(AMOUNT),
        "securityContext": giving_away(),
        "volumeMounts": [{"name": VOLUME, "mountPath": f"{HOME}/{VOLUME}"}],
    }
    return {
        **placed,
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "containers": [one],
        "volumes": [{"name": VOLUME, "persistentVolumeClaim": {"claimName": claim_name(deployment, VOLUME)}}],
    }
