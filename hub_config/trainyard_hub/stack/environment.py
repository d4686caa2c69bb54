"""The environment the stack's processes begin with: named variables and our own settings, nothing else of the shell."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from trainyard_hub.settings import Settings

# certificates, proxies and package indexes are needed to build images; the rest is what any program expects
PASSED = frozenset(
    {
        "HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "TMPDIR", "TZ", "USER", "XDG_RUNTIME_DIR",
        "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PGPASSFILE",
        "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
    }
)  # fmt: skip
PREFIXES = ("TRAINYARD_", "UV_", "PIP_")


def stack_environment(settings: Settings, shell: Mapping[str, str], programs: Path) -> dict[str, str]:
    """What of ``shell`` the stack may see, with our programs first on the path."""
    kept = {name: value for name, value in shell.items() if name in PASSED or name.startswith(PREFIXES)}
    # a token in the shell of who starts the platform is theirs alone
    for name in ("TRAINYARD_TOKEN", "TRAINYARD_TOKEN_FILE"):
        kept.pop(name, None)
    path = kept.get("PATH", "/usr/local/bin:/usr/bin:/bin")
    kept["PATH"] = f"{programs}:{path}"
    kept["TRAINYARD_HOME"] = str(settings.home.root)
    kept.setdefault("LANG", "C.UTF-8")
    return kept
