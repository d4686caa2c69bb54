"""A bucket is shown to pods by the claim that the administrator names for it, to those who have bound it and to nobody else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from trainyard.errors import Invalid
from trainyard.home import Home
from trainyard.jobs.buckets import BucketSpec
from trainyard.jobs.launch import ON_CLUSTER, Identity, LaunchSpec, Mount, Resources
from trainyard_service.settings import Settings
from trainyard_spawner.kubernetes import configuration, volumes
from trainyard_spawner.kubernetes.bucket_claims import BucketClaims
from trainyard_spawner.kubernetes.volumes import Place, Shown

PHOTOS = {"endpoint": "https://s3.example.org", "bucket": "photos", "claim": "photos-by-csi"}
Named = Callable[..., Home]


@pytest.fixture
def named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Named:
    """A home whose ``kubernetes.yaml`` says this."""
    monkeypatch.delenv("TRAINYARD_KUBERNETES", raising=False)

    def write(*buckets: dict[str, object], **more: object) -> Home:
        (tmp_path / "kubernetes.yaml").write_text(yaml.safe_dump({"buckets": list(buckets), **more}))
        return Home(tmp_path.resolve())

    return write


def bound(**changed: object) -> BucketSpec:
    about = {"owner": 7, "bucket": "photos", "endpoint": "https://s3.example.org/", "access_key": "a", "secret_key": "b"}
    return BucketSpec.model_validate({**about, "identity": Identity(name="alice", uid=20007, gid=20007), **changed})


def shown(home: Home, mounts: tuple[Mount, ...]) -> tuple[Shown, ...]:
    spec = LaunchSpec(
        key="job-1",
        image="workspace:1",
        argv=("true",),
        environment={},
        working_directory=Path("/"),
        mounts=mounts,
        resources=Resources(cpu=1, memory=1 << 20),
        identity=Identity(name="alice", uid=20007, gid=20007),
    )
    places = configuration.load(configuration.place_of(home)).places
    return volumes.lay_out(spec, home, places).shown


@pytest.mark.parametrize(("told", "read_only"), [({}, True), ({"read_only": False}, False)], ids=["usually", "writable"])
def test_a_pod_is_shown_the_claim_of_its_persons_bucket(named: Named, told: dict[str, bool], read_only: bool) -> None:
    home = named({**PHOTOS, **told})
    mounts = BucketClaims(home).mount(bound())
    assert shown(home, mounts) == (Shown(Place("photos-by-csi", ""), "/workspace/mnt/bucket/photos", read_only),)
    assert mounts[0].source.is_dir()


@pytest.mark.parametrize("other", [{"bucket": "letters"}, {"endpoint": "https://s3.elsewhere.org"}], ids=["bucket", "store"])
def test_a_bucket_without_a_claim_keeps_nobody_from_working_and_says_why(named: Named, other: dict[str, str]) -> None:
    spec, claims = bound(**other), BucketClaims(named(PHOTOS))
    assert claims.mount(spec) == ()
    problem = claims.problem(spec.endpoint, spec.bucket)
    assert problem is not None
    assert problem.code == "bucket-not-on-cluster"
    assert spec.bucket in problem.text("en")
    assert claims.problem("https://s3.example.org", "photos") is None


def test_a_claim_of_a_bucket_is_not_possible_in_the_namespace_of_each_group(named: Named) -> None:
    home = named(PHOTOS, group_namespaces="lab-{group}", source={"volume": {"nfs": {"server": "x", "path": "/"}}})
    with pytest.raises(Invalid, match="buckets need one namespace"):
        configuration.load(configuration.place_of(home))


def test_where_launches_are_pods_only_claims_show_buckets(tmp_path: Path) -> None:
    assert Settings(home=tmp_path).bucket_mounter == "trainyard_spawner.buckets.mounts:BucketMounts"
    assert Settings(home=tmp_path, launcher=ON_CLUSTER).bucket_mounter == f"{BucketClaims.__module__}:{BucketClaims.__name__}"
    assert Settings(home=tmp_path, launcher=ON_CLUSTER, mounter="").bucket_mounter == ""
