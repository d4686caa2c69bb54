"""Buckets as files: a real store, real mounts by FUSE, seen from real sandboxes; as root, and once more as an ordinary user."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from trainyard.home import Home
from trainyard.jobs.buckets import BucketSpec
from trainyard.jobs.launch import LaunchSpec
from trainyard_spawner.buckets import kernel
from trainyard_spawner.buckets.mounts import BucketMounts
from trainyard_spawner.buckets.places import Places
from trainyard_spawner.sandbox_launcher import SandboxLauncher

from tests.object_store import ObjectStore, running_store

from .conftest import PERSON, end_all

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(kernel.missing() is not None, reason="this machine has no FUSE, or the package fuse3 is missing"),
]
OWNER = 1
SECRET = "team-secret"


@pytest.fixture(scope="module")
def store() -> Iterator[ObjectStore]:
    with tempfile.TemporaryDirectory(prefix="trainyard-store-") as folder, running_store(Path(folder)) as running:
        running.client().create_bucket(Bucket="team")
        yield running


def spec_of(store: ObjectStore, **changes: Any) -> BucketSpec:
    fields = {
        "owner": OWNER,
        "bucket": "team",
        "endpoint": store.url,
        "access_key": "TEAM",
        "secret_key": SECRET,
        "direct": True,
        "inward": True,
        "identity": PERSON,
    }
    return BucketSpec.model_validate({**fields, **changes})


@pytest.fixture(scope="module")
def shared_home() -> Iterator[Home]:
    with tempfile.TemporaryDirectory(prefix="trainyard-buckets-") as folder:
        yield Home(Path(folder).resolve())


@pytest.fixture(scope="module")
def whole(store: ObjectStore, shared_home: Home) -> Iterator[Path]:
    """The bucket as files; one mount for all tests that only look at files."""
    mounts = BucketMounts(shared_home)
    (mount,) = mounts.mount(spec_of(store))
    point = mount.source / "team"
    until(point.is_mount)
    yield point
    mounts.unmount(OWNER)


@pytest.fixture
def files(whole: Path) -> Path:
    """An empty folder of the bucket for one test."""
    folder = whole / f"测试 {secrets.token_hex(4)}"
    folder.mkdir()
    return folder


@pytest.fixture
def mounts(home: Home) -> Iterator[BucketMounts]:
    made = BucketMounts(home)
    yield made
    made.unmount(OWNER)


def until(reached: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 120
    while not (found := reached()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def key_of(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


class TestFiles:
    """What programs do with files, and what is in the bucket then."""

    def test_a_closed_file_is_an_object(self, store: ObjectStore, files: Path) -> None:
        path = files / "图片 一.txt"
        path.write_text("内容")
        assert store.client().get_object(Bucket="team", Key=key_of(path))["Body"].read() == "内容".encode()

    def test_an_object_is_a_file(self, store: ObjectStore, files: Path) -> None:
        store.client().put_object(Bucket="team", Key=f"{files.name}/深/层/b c.bin", Body=b"0123456789")
        path = until(lambda: next((one for one in files.rglob("b c.bin")), None))
        with path.open("rb") as file:
            file.seek(4)
            assert (file.read(3), path.stat().st_size) == (b"456", 10)

    def test_a_large_file_passes_in_bounded_memory(self, shared_home: Home, files: Path) -> None:
        path, block = files / "large.bin", secrets.token_bytes(1 << 20)
        with path.open("wb") as file:
            for number in range(160):
                file.write(number.to_bytes(4, "big") + block[4:])
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            for number in range(160):
                assert file.read(1 << 20) == number.to_bytes(4, "big") + block[4:]
            file.seek(77 << 20)
            assert file.read(4) == (77).to_bytes(4, "big")
        assert peak_memory(pid_of(shared_home)) < 160 << 20

    def test_a_file_is_changed_in_the_middle_at_its_end_and_in_length(self, files: Path) -> None:
        path = files / "changed"
        path.write_bytes(b"0123456789")
        with path.open("r+b") as file:
            file.seek(3)
            file.write(b"abc")
        with path.open("ab") as file:
            file.write(b"end")
        assert path.read_bytes() == b"012abc6789end"
        os.truncate(path, 5)
        assert path.read_bytes() == b"012ab"
        os.truncate(path, 7)
        assert path.read_bytes() == b"012ab\0\0"

    def test_a_database_works_on_it(self, files: Path) -> None:
        import sqlite3

        for number in range(2):
            with sqlite3.connect(files / "数据.sqlite") as base:
                base.execute("create table if not exists t (n int)")
                base.execute("insert into t values (?)", (number,))
            base.close()
        with sqlite3.connect(files / "数据.sqlite") as base:
            assert base.execute("select n from t").fetchall() == [(0,), (1,)]
        base.close()

    def test_what_is_written_is_seen_before_it_is_sent(self, files: Path) -> None:
        with (files / "open").open("wb", buffering=0) as file:
            file.write(b"abc")
            assert ((files / "open").stat().st_size, names(files)) == (3, ["open"])
            assert (files / "open").read_bytes() == b"abc"

    def test_a_file_is_renamed_over_another(self, files: Path) -> None:
        (files / "新").write_text("new")
        (files / "old").write_text("old")
        (files / "新").replace(files / "old")
        assert ((files / "old").read_text(), names(files)) == ("new", ["old"])

    def test_a_file_is_renamed_while_it_is_written(self, store: ObjectStore, files: Path) -> None:
        with (files / "draft").open("w") as file:
            file.write("first ")
            file.flush()
            (files / "draft").rename(files / "final")
            file.write("second")
        assert names(files) == ["final"] and (files / "final").read_text() == "first second"
        listed = store.client().list_objects_v2(Bucket="team", Prefix=f"{files.name}/f")["Contents"]
        assert [one["Key"] for one in listed] == [f"{files.name}/final"]

    def test_a_folder_is_renamed_with_all_in_it(self, files: Path) -> None:
        (files / "a/b/空").mkdir(parents=True)
        (files / "a/b/c.txt").write_text("c")
        (files / "a").rename(files / "后")
        assert sorted(str(one.relative_to(files)) for one in files.rglob("*")) == ["后", "后/b", "后/b/c.txt", "后/b/空"]

    def test_folders_are_made_kept_and_deleted(self, files: Path) -> None:
        (files / "d").mkdir()
        (files / "d/f").write_text("1")
        with pytest.raises(OSError, match="not empty"):
            (files / "d").rmdir()
        with pytest.raises(FileExistsError):
            (files / "d").mkdir()
        (files / "d/f").unlink()
        assert names(files / "d") == []
        (files / "d").rmdir()
        assert not (files / "d").exists()

    def test_a_deleted_file_is_still_read_by_who_writes_it(self, files: Path) -> None:
        with (files / "gone").open("w+b", buffering=0) as file:
            file.write(b"kept")
            (files / "gone").unlink()
            assert os.pread(file.fileno(), 10, 0) == b"kept" and names(files) == []
        assert not (files / "gone").exists()

    def test_a_growing_file_is_followed(self, files: Path) -> None:
        (files / "log").write_text("one\n")
        with (files / "log").open("rb", buffering=0) as follower:
            assert follower.read(100) == b"one\n"
            with (files / "log").open("ab") as file:
                file.write(b"two\n")
            assert until(lambda: follower.read(100)) == b"two\n"

    def test_tools_that_keep_modes_and_times_work(self, files: Path, tmp_path: Path) -> None:
        (tmp_path / "in/子").mkdir(parents=True)
        (tmp_path / "in/子/x").write_text("x")
        subprocess.run(["cp", "-a", tmp_path / "in", files], check=True)
        subprocess.run(["tar", "-C", files, "-cf", files / "t.tar", "in"], check=True)
        assert subprocess.run(["tar", "-tf", files / "t.tar"], capture_output=True, check=True).stdout.count(b"\n") == 3

    @pytest.mark.parametrize("name", ["x" * 256, b"\xff\xfe".decode(errors="surrogateescape")])
    def test_names_no_key_can_have_are_refused(self, files: Path, name: str) -> None:
        with pytest.raises(OSError) as refused:
            (files / name).write_text("x")
        assert refused.value.errno in (errno.ENAMETOOLONG, errno.EILSEQ)

    def test_many_write_and_read_at_once(self, files: Path) -> None:
        from concurrent.futures import ThreadPoolExecutor

        def one(number: int) -> bool:
            data = secrets.token_bytes(50_000)
            (files / f"{number}").write_bytes(data)
            return hashlib.sha256((files / f"{number}").read_bytes()).digest() == hashlib.sha256(data).digest()

        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(one, range(40)))
        assert len(names(files)) == 40


class TestMounts:
    """The life of a mount, and what a sandbox sees of it."""

    def test_a_sandbox_reads_and_writes_it_and_finds_no_key(
        self, store: ObjectStore, home: Home, mounts: BucketMounts, make: Callable[..., LaunchSpec]
    ) -> None:
        store.client().put_object(Bucket="team", Key="给/in.txt", Body=b"from outside")
        (mount,) = mounts.mount(spec_of(store))
        look = (
            "until ls /workspace/mnt/bucket/team/给 2>/dev/null; do sleep .05; done; cd /workspace/mnt/bucket; "
            "cat team/给/in.txt; echo 里面 > team/out.txt; stat -c %u team/out.txt; id -u; touch x 2>&1; "
            "env; cat /proc/*/environ /proc/*/cmdline /proc/self/mountinfo | tr '\\0' '\\n'; ls -a /run /tmp; "
            "grep -rs $(printf team-%s secret) /etc /run /tmp /workspace /opt 2>/dev/null && printf HIT%s S"
        )
        said = run(home, make(look, mounts=(mount,), output=None))
        assert "from outside" in said and SECRET not in said and "HITS" not in said and "Traceback" not in said
        assert store.client().get_object(Bucket="team", Key="out.txt")["Body"].read().decode() == "里面\n"
        numbers = [line for line in said.splitlines() if line.isdecimal()]
        assert len(set(numbers)) == 1

    def test_the_key_is_in_no_file_argument_or_environment(self, store: ObjectStore, home: Home, mounts: BucketMounts) -> None:
        mounts.mount(spec_of(store))
        pid = until(lambda: pid_of(home))
        told = b""
        for name in ("cmdline", "environ"):
            # an ordinary user's other processes may not even look
            with suppress(PermissionError):
                told += (Path("/proc") / str(pid) / name).read_bytes()
        kept = b"".join(path.read_bytes() for path in (home.root / "mounts/.state").rglob("*") if path.is_file())
        assert SECRET.encode() not in told + kept

    def test_another_service_finds_what_is_mounted(self, store: ObjectStore, home: Home, mounts: BucketMounts) -> None:
        mounts.mount(spec_of(store))
        pid, other = until(lambda: pid_of(home)), BucketMounts(home)
        assert other.is_mounted(OWNER) and other.mount(spec_of(store)) and pid_of(home) == pid

    def test_a_lost_mount_is_back_under_a_running_program(
        self, store: ObjectStore, home: Home, mounts: BucketMounts, make: Callable[..., LaunchSpec]
    ) -> None:
        (mount,) = mounts.mount(spec_of(store))
        if not kernel.is_shared(mount.source):
            pytest.skip("this machine does not pass mounts on to an ordinary user's sandboxes")
        launcher = SandboxLauncher(home)
        store.client().put_object(Bucket="team", Key="flag", Body=b"1")
        look = (
            "cd /workspace; until cat mnt/bucket/team/flag >/dev/null 2>&1; do sleep .05; done; echo seen; "
            "while cat mnt/bucket/team/flag >/dev/null 2>&1; do sleep .05; done; echo lost; "
            "until cat mnt/bucket/team/flag >/dev/null 2>&1; do sleep .05; done; echo again"
        )
        try:
            launcher.start(make(look, mounts=(mount,), output=None))
            output = home.launches / "launch" / "output.log"
            until(lambda: output.exists() and "seen" in output.read_text())
            assert mounts.lost() == []
            os.kill(pid_of(home), signal.SIGKILL)
            until(lambda: mounts.lost() == [OWNER])
            until(lambda: "lost" in output.read_text())
            mounts.mount(spec_of(store))
            until(lambda: "again" in output.read_text())
        finally:
            end_all(launcher)

    def test_only_unused_mounts_end_with_the_platform(
        self, store: ObjectStore, home: Home, mounts: BucketMounts, make: Callable[..., LaunchSpec]
    ) -> None:
        (mount,) = mounts.mount(spec_of(store))
        mounts.mount(spec_of(store, owner=2))
        launcher = SandboxLauncher(home)
        try:
            launcher.start(make("exec sleep 100", mounts=(mount,), output=None))
            mounts.end_unused()
            assert (mounts.is_mounted(OWNER), mounts.is_mounted(2)) == (True, False)
        finally:
            end_all(launcher)
        mounts.end_unused()
        assert not mounts.is_mounted(OWNER) and kernel.mounts_below(home.root) == []

    def test_what_a_killed_process_left_is_removed(self, store: ObjectStore, home: Home, mounts: BucketMounts) -> None:
        (mount,) = mounts.mount(spec_of(store))
        until((mount.source / "team").is_mount)
        os.kill(pid_of(home), signal.SIGKILL)
        until(lambda: not mounts.is_mounted(OWNER))
        with pytest.raises(OSError, match="not connected"):
            names(mount.source / "team")
        mounts.tidy()
        assert kernel.mounts_below(home.root) == []

    def test_a_file_that_cannot_be_sent_is_told_at_its_close(self, store: ObjectStore, mounts: BucketMounts) -> None:
        store.client().create_bucket(Bucket="closed")
        (mount,) = mounts.mount(spec_of(store, bucket="closed"))
        until((mount.source / "closed").is_mount)
        with pytest.raises(PermissionError):
            (mount.source / "closed/x").write_text("x")

    def test_the_disk_for_files_being_written_is_bounded(self, store: ObjectStore, home: Home) -> None:
        mounts = BucketMounts(home, room=1 << 20)
        try:
            (mount,) = mounts.mount(spec_of(store))
            until((mount.source / "team").is_mount)
            with pytest.raises(OSError, match="No space"):
                (mount.source / "team/big").write_bytes(bytes(3 << 20))
        finally:
            mounts.unmount(OWNER)


def test_mountinfo_is_read_with_its_odd_names() -> None:
    text = (
        "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
        "53 49 0:77 / /h/a\\040b/\\346\\226\\207 rw,nosuid - fuse.trainyard team rw,user_id=0\n"
    )
    first, second = kernel.parse(text)
    assert (first.shared, second.path, second.kind, second.shared) == (True, Path("/h/a b/文"), "fuse.trainyard", False)


@pytest.mark.rootless
@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user has run them already")
def test_all_of_it_holds_for_an_ordinary_user() -> None:
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(Path(__file__)), "-k", "TestMounts or database"]
    environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1"}
    told = subprocess.run(
        argv,
        cwd=Path(__file__).parents[2],
        env=environment,
        # fusermount3 mounts for people who have a name
        user="games",
        group="games",
        extra_groups=[],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert told.returncode == 0, told.stdout[-4000:] + told.stderr[-2000:]


def run(home: Home, spec: LaunchSpec) -> str:
    """Run a launch to its end; what it said."""
    launcher = SandboxLauncher(home)
    try:
        launcher.start(spec)
        until(lambda: (state := launcher.state(spec.key)) and state.phase == "ended")
        return (home.launches / spec.key / "output.log").read_text(errors="replace")
    finally:
        end_all(launcher)


def pid_of(home: Home) -> int:
    try:
        return int(Places(home.root).pid(OWNER).read_text())
    except (FileNotFoundError, ValueError):
        return 0


def peak_memory(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) << 10
