"""The bubblewrap command line, by equality with a literal: whoever changes what a sandbox sees, changes this page."""

from __future__ import annotations

from pathlib import Path

from trainyard.jobs.launch import Identity, LaunchSpec, Mount, Resources
from trainyard_spawner.sandbox import INIT, Handed, Host, build

HOST = Host(
    root=True,
    bwrap="/bin/bwrap",
    inside="/repo/inside",
    network="none",
    etc=("/etc/ssl/certs",),
    lib_links=(("bin", "usr/bin"),),
)
SPEC = LaunchSpec(
    key="job-1-1",
    image="tiny:1",
    argv=("true",),
    environment={},
    working_directory=Path("/workspace/home"),
    mounts=(
        Mount(source=Path("/shares/1"), target=Path("/workspace/mnt/group/g"), read_only=False),
        Mount(source=Path("/sets/a"), target=Path("/workspace/mnt/data/train"), read_only=True),
    ),
    resources=Resources(cpu=1, memory=1 << 30),
    identity=Identity(name="alice", uid=20001, gid=20001, groups=(30001,)),
)
LINE = """
/bin/bwrap --die-with-parent --as-pid-1
--unshare-pid --unshare-ipc --unshare-uts --unshare-cgroup-try --hostname job-1-1 --unshare-net
--cap-drop ALL --cap-add CAP_SETUID --cap-add CAP_SETGID --cap-add CAP_SETPCAP --cap-add CAP_KILL --cap-add CAP_NET_BIND_SERVICE
--perms 0755 --dir /etc --perms 0755 --dir /opt --perms 0755 --dir /opt/trainyard
--perms 0755 --dir /opt/trainyard/trainyard_spawner --perms 0755 --dir /workspace
--ro-bind /usr /usr --symlink usr/bin /bin
--perms 0755 --dir /etc/ssl --ro-bind /etc/ssl/certs /etc/ssl/certs
--perms 0644 --ro-bind-data 10 /etc/passwd
--perms 0644 --ro-bind-data 11 /etc/group
--perms 0644 --ro-bind-data 12 /etc/hosts
--perms 0644 --ro-bind-data 13 /etc/resolv.conf
--proc /proc --dev /dev
--perms 1777 --size 536870912 --tmpfs /dev/shm
--perms 1777 --size 536870912 --tmpfs /tmp
--perms 1777 --size 67108864 --tmpfs /run
--perms 0755 --dir /sys --perms 0755 --dir /sys/devices --perms 0755 --dir /sys/devices/system
--ro-bind-try /sys/devices/system/cpu /sys/devices/system/cpu
--ro-bind-fd 14 /opt/image
--ro-bind-fd 15 /opt/trainyard/trainyard_spawner/inside
--perms 1777 --size 67108864 --tmpfs /workspace/home
--perms 0755 --dir /workspace/mnt --perms 0755 --dir /workspace/mnt/data --ro-bind-fd 16 /workspace/mnt/data/train
--perms 0755 --dir /workspace/mnt/group --bind-fd 17 /workspace/mnt/group/g
--remount-ro / --chdir / --
/usr/bin/python3 -I -S -c
"""
HANDED = (
    Handed(
        content="root:x:0:0:root:/root:/usr/sbin/nologin\n"
        "alice:x:20001:20001::/workspace/home:/bin/bash\n"
        "nobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\n"
    ),
    Handed(content="root:x:0:\nalice:x:20001:\ng30001:x:30001:\nnogroup:x:65534:\n"),
    Handed(content="127.0.0.1 localhost job-1-1\n"),
    Handed(content=""),
    Handed(path="/images/tiny/1/env"),
    Handed(path="/repo/inside"),
    Handed(path="/sets/a"),
    Handed(path="/shares/1"),
)


def test_command_line_is_as_written_here() -> None:
    assert build(SPEC, HOST, Path("/images/tiny/1/env")).argv == (*LINE.split(), INIT)


def test_what_is_handed_over_is_as_written_here() -> None:
    assert build(SPEC, HOST, Path("/images/tiny/1/env")).handed == HANDED
