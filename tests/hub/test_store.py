"""The object store, really started: S3 works with the key, and no port gives anything to who has none."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import httpx
import pytest
from botocore.exceptions import ClientError
from trainyard_hub.settings import STORE_INNER_PORTS, Settings
from trainyard_hub.stack import store
from trainyard_hub.stack.home import prepare_home
from trainyard_hub.stack.processes import PROGRAMS
from trainyard_hub.stack.secrets import make_secrets
from trainyard_service.storage.identities import make_keys
from trainyard_service.storage.place import Place

from tests.browser.running import free_range
from tests.hub.running import until

pytestmark = pytest.mark.slow
PATHS = (
    "/",
    "/status",
    "/dir/status",
    "/dir/assign",
    "/vol/status",
    "/col/delete?collection=kept",
    "/buckets/kept/key",
    "/1,01abcdef",
)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    settings = Settings(TRAINYARD_HOME=tmp_path_factory.mktemp("store"), port=free_range(40))
    prepare_home(settings.home)
    make_secrets(settings.home)
    store.write_configuration(settings)
    process = subprocess.Popen(
        store.command(settings, PROGRAMS),
        cwd=store.security_folder(settings),
        env=os.environ | store.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert until(lambda: answers(settings.store_url + "/healthz"))
        client(settings).create_bucket(Bucket="kept")
        client(settings).put_object(Bucket="kept", Key="key", Body=b"value" * 1_000_000)
        yield settings
    finally:
        process.kill()
        process.wait()


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).is_success
    except httpx.HTTPError:
        return False


def administrator(settings: Settings) -> tuple[str, str]:
    known = json.loads((settings.home.secrets / "s3.json").read_text())["identities"][0]["credentials"][0]
    return known["accessKey"], known["secretKey"]


def client(settings: Settings, secret: str = "") -> Any:
    access_key, secret_key = administrator(settings)
    return botocore.session.get_session().create_client(
        "s3",
        endpoint_url=settings.store_url,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret or secret_key,
        region_name="us-east-1",
    )


def test_with_the_key_it_gives_back_what_was_put(settings: Settings) -> None:
    assert client(settings).get_object(Bucket="kept", Key="key")["Body"].read() == b"value" * 1_000_000


def test_with_a_wrong_secret_it_refuses(settings: Settings) -> None:
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        client(settings, "wrong" * 8).list_buckets()


@pytest.mark.parametrize("path", ["/", "/kept", "/kept/key"])
def test_without_a_signature_it_refuses(settings: Settings, path: str) -> None:
    assert httpx.get(settings.store_url + path, timeout=60).status_code == 403


def test_without_a_signature_nobody_makes_keys(settings: Settings) -> None:
    for action in ("ListUsers", "CreateUser", "CreateAccessKey", "PutUserPolicy"):
        asked = {"Action": action, "Version": "2010-05-08", "UserName": "admin", "PolicyName": "p", "PolicyDocument": "{}"}
        assert httpx.post(settings.store_url, data=asked, timeout=60).status_code in (400, 403)


def test_the_keys_of_a_bucket_make_no_keys_for_others(settings: Settings) -> None:
    place = make_keys(Place(settings.store_url, "kept", "us-east-1", *administrator(settings), embedded=True))
    iam = botocore.session.get_session().create_client(
        "iam",
        endpoint_url=settings.store_url,
        aws_access_key_id=place.access_key,
        aws_secret_access_key=place.secret_key,
        region_name="us-east-1",
    )
    everything = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["s3:*"], "Resource": ["*"]}]}'
    for attempt in (
        lambda: iam.create_user(UserName="second"),
        lambda: iam.create_access_key(UserName="admin"),
        lambda: iam.put_user_policy(UserName="kept", PolicyName="own-bucket", PolicyDocument=everything),
        iam.list_users,
    ):
        with pytest.raises(ClientError):
            attempt()


@pytest.mark.parametrize("step", range(1, STORE_INNER_PORTS + 1))
def test_an_inner_port_refuses_plain_requests(settings: Settings, step: int) -> None:
    port = settings.inner("store_port") + step
    assert [path for path in PATHS if answers(f"http://127.0.0.1:{port}{path}")] == []


@pytest.mark.parametrize("step", range(1, STORE_INNER_PORTS + 1))
def test_an_inner_port_refuses_a_tls_client_without_certificate(settings: Settings, step: int) -> None:
    port = settings.inner("store_port") + step
    trusting = ssl.create_default_context(cafile=str(store.security_folder(settings) / "ca.pem"))
    with httpx.Client(verify=trusting, timeout=5, http2=False) as anonymous, pytest.raises(httpx.HTTPError):
        anonymous.get(f"https://127.0.0.1:{port}/status").raise_for_status()


def test_keys_lie_in_files_of_the_owner_only(settings: Settings) -> None:
    folder = store.security_folder(settings)
    assert {path.stat().st_mode & 0o777 for path in Path(folder).iterdir()} == {0o600}
