"""SeaweedFS as one process that gives nothing to who has no key.

S3 asks for signatures. The inner parts (master, volume, filer) otherwise list, serve and delete for everybody on the machine:
their HTTP is switched off or asks for a client certificate, their gRPC asks for one too, and a volume takes only requests
signed by the master. Tried on 4.48: without certificate every inner port refuses the handshake.
"""

from __future__ import annotations

import secrets
from pathlib import Path

from trainyard_hub.settings import Settings
from trainyard_hub.stack.certificates import make_certificates
from trainyard_hub.stack.secrets import read_or_make, write_private

SIGNING = ("jwt.signing", "jwt.signing.read", "jwt.filer_signing", "jwt.filer_signing.read")
GRPC_PARTS = ("master", "volume", "filer", "s3", "msg_broker", "msg_agent", "admin", "worker", "client", "mq")
HTTPS_PARTS = ("client", "master", "volume", "filer")
VOLUME_MEGABYTES = 1024


def write_configuration(settings: Settings) -> None:
    """Write certificates and ``security.toml`` (it holds the signing keys: mode 0600); kept over restarts."""
    folder = security_folder(settings)
    make_certificates(folder)
    keys = [read_or_make(folder / name, lambda: secrets.token_hex(32)) for name in SIGNING]
    write_private(folder / "security.toml", security(folder, keys))


def security_folder(settings: Settings) -> Path:
    """Where certificates and keys lie; also SeaweedFS' working folder, because it reads ``./security.toml``."""
    return settings.home.secrets / "store"


def security(folder: Path, keys: list[str]) -> str:
    """The text of ``security.toml``."""
    pair = f'cert = "{folder}/cert.pem"\nkey = "{folder}/key.pem"\n'
    authority = f'ca = "{folder}/ca.pem"\n'
    sections = [f'[{name}]\nkey = "{key}"\n' for name, key in zip(SIGNING, keys, strict=True)]
    sections += ["[access]\nui = false\n", "[filer.expose_directory_metadata]\nenabled = false\n", f"[grpc]\n{authority}"]
    sections += [f"[grpc.{part}]\n{pair}" for part in GRPC_PARTS]
    sections += [f"[https.{part}]\n{'enabled = true' if part == 'client' else ''}\n{pair}{authority}" for part in HTTPS_PARTS]
    return "\n".join(sections)


def environment() -> dict[str, str]:
    """What SeaweedFS reads from its environment: one volume a bucket, and a limit that keeps it at 150 MB."""
    return {"WEED_MASTER_VOLUME_GROWTH_COPY_1": "1", "GOMEMLIMIT": "300MiB"}


def command(settings: Settings, programs: Path) -> list[str]:
    """How SeaweedFS is started: everything on loopback, every port named."""
    first = settings.inner("store_port")
    named = ("s3.port", "master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc")
    ports = [f"-{name}={first + step}" for step, name in enumerate((*named, "s3.port.grpc"))]
    return [
        str(programs / "weed"),
        "-logtostderr=true",
        "server",
        f"-dir={settings.home.store}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        "-filer",
        "-s3",
        *ports,
        f"-s3.config={settings.home.secrets / 's3.json'}",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        # the service makes keys for each bucket; the calls ask for the administrator's signature
        "-s3.iam.readOnly=false",
        "-disableHttp",
        "-master.telemetry=false",
        # alone it elects itself; the default of 10 s makes every start but the first wait 16 s
        "-master.electionTimeout=1s",
        "-volume.max=0",
        f"-master.volumeSizeLimitMB={VOLUME_MEGABYTES}",
        "-volume.preStopSeconds=1",
    ]
