"""What a terminal may be like: another language, no UTF-8, no colour, a pipe that closes, nobody at the keyboard."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import re
import socket
import subprocess
import sys
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from types import ModuleType
from typing import Any

import pytest
from trainyard.cli import main
from trainyard_service.database.tables.models import ModelRow
from trainyard_service.models.keep import MANIFEST

from tests.core.cli.running import PROGRAM, environment, in_its_own

pytestmark = pytest.mark.timeout(180)
COLOUR = re.compile(rb"\x1b\[[0-9;]*3[0-7]m")


@pytest.fixture
def anna(service: Any) -> dict[str, str]:
    """The environment of a signed-in shell."""
    person = service.account("anna", service.group("视觉"))
    return environment(TRAINYARD_URL=service.address, TRAINYARD_TOKEN=person.token)


def at_a_terminal(arguments: list[str], env: dict[str, str], wait_for: bytes = b"", typed: bytes = b"") -> tuple[int, bytes]:
    """The exit code, and what a person sees who types ``typed`` when ``wait_for`` is shown, at a terminal of its own."""
    process, screen = pty.fork()
    if process == 0:
        os.execve(PROGRAM[0], [*PROGRAM, *arguments], env)
    seen = b""
    with suppress(OSError):  # the screen is gone when the program is
        while data := os.read(screen, 4096):
            seen += data
            if typed and wait_for in seen:
                os.write(screen, typed)
                typed = b""
    os.close(screen)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), seen


def test_a_name_the_encoding_cannot_show_is_escaped_not_a_crash(anna: dict[str, str]) -> None:
    ran = in_its_own(["whoami"], anna | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"})
    assert (ran.returncode, rb"\u89c6\u89c9" in ran.stdout) == (0, True)


def test_what_others_wrote_commands_no_terminal(service: Any) -> None:
    group = service.group("vision")
    mallory, anna = service.account("mallory", group), service.account("anna", group)
    kept = {"name": "sgd", "visibility": "group", "group": "vision", "parameters": {"lr": "\x9b2J\u202efast"}}
    assert service.client(mallory).post("/parameter-sets", json=kept).status_code == 201
    ran = in_its_own(["parameters", "list"], environment(TRAINYARD_URL=service.address, TRAINYARD_TOKEN=anna.token))
    assert r"\x9b2J\u202efast" in ran.stdout.decode()


def test_a_refusal_commands_no_terminal(anna: dict[str, str]) -> None:
    refused = in_its_own(["datasets", "show", "\x1b]0;gotcha\x07"], anna)
    assert rb"\x1b]0;gotcha\x07" in refused.stderr and b"\x1b" not in refused.stderr


def test_json_means_the_same_in_every_encoding(anna: dict[str, str]) -> None:
    ran = in_its_own(["whoami", "--json"], anna | {"PYTHONIOENCODING": "latin-1"})
    assert json.loads(ran.stdout.decode("latin-1"))["groups"][0]["name"] == "视觉"


def test_an_argument_that_is_no_text_is_refused(anna: dict[str, str]) -> None:
    ran = subprocess.run([*PROGRAM, "datasets", "show", b"\xff\xfe"], env=anna, capture_output=True, timeout=150)
    assert (ran.returncode, b"Traceback" in ran.stderr, b"UTF-8" in ran.stderr) == (1, False, True)


@pytest.mark.parametrize("arguments", [["whoami"], ["--help"], ["images", "--json"]], ids=" ".join)
def test_a_reader_that_stops_reading_is_no_trouble(anna: dict[str, str], arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    ran = subprocess.run([*PROGRAM, *arguments], env=anna, stdout=writing, stderr=subprocess.PIPE, timeout=150)
    os.close(writing)
    assert ran.stderr == b""


@pytest.mark.parametrize("arguments", [["whoami"], ["images", "--json"], ["--help"]], ids=" ".join)
def test_an_answer_for_which_its_disk_has_no_room_is_told_in_a_sentence(anna: dict[str, str], arguments: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        ran = subprocess.run([*PROGRAM, *arguments], env=anna, stdout=full, stderr=subprocess.PIPE, timeout=150)
    said = b"It cannot be written to its end: No space left on device."
    assert (ran.returncode, said in ran.stderr, b"Traceback" in ran.stderr) == (1, True, False)


def test_a_command_without_an_output_does_what_it_is_for(anna: dict[str, str]) -> None:
    ran = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *PROGRAM, "language", "zh"], env=anna, capture_output=True, timeout=150
    )
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert b'"zh"' in in_its_own(["whoami", "--json"], anna).stdout


def test_ctrl_c_before_anything_is_read_in_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted(ModuleType):
        def __getattr__(self, name: str) -> object:
            raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "trainyard.cli.app", Interrupted("trainyard.cli.app"))
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 130


def test_a_pipe_gets_no_colours_and_a_terminal_may(anna: dict[str, str]) -> None:
    env = {name: value for name, value in anna.items() if name != "NO_COLOR"} | {"TERM": "xterm-256color"}
    assert b"\x1b[" not in in_its_own(["whoami"], env).stdout
    assert COLOUR.search(at_a_terminal(["whoami"], env | {"NO_COLOR": "1"})[1]) is None
    assert "视觉" in at_a_terminal(["whoami"], env)[1].decode()


def test_progress_is_for_terminals_only(anna: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "model"
    file.write_bytes(bytes(100_000))
    quiet = in_its_own(["models", "put", str(file), "--name", "quiet"], anna)
    assert (quiet.returncode, quiet.stderr) == (0, b"")
    assert b"100.0" in at_a_terminal(["models", "put", str(file), "--name", "shown"], anna | {"TERM": "xterm"})[1]


def test_a_secret_is_asked_for_unseen(service: Any, tmp_path: Path) -> None:
    person = service.account("anna")
    env = environment(XDG_CONFIG_HOME=str(tmp_path), TERM="xterm")
    code, seen = at_a_terminal(["login", service.address], env, b"token: ", person.token.encode() + b"\n")
    assert code == 0, seen
    assert person.token.encode() not in seen
    kept = tmp_path / "trainyard" / "login.json"
    assert (json.loads(kept.read_text())["token"], kept.stat().st_mode & 0o777) == (person.token, 0o600)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_commands_and_options(shell: str) -> None:
    asked = {
        "bash": {"COMP_WORDS": "trainyard data", "COMP_CWORD": "1"},
        "zsh": {"_TYPER_COMPLETE_ARGS": "trainyard data"},
        "fish": {"_TYPER_COMPLETE_ARGS": "trainyard data", "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
    }[shell]
    ran = in_its_own([], environment(**asked, _TRAINYARD_COMPLETE=f"complete_{shell}"))
    assert b"datasets" in ran.stdout


def test_the_version_is_one_line_of_its_own() -> None:
    ran = in_its_own(["--version"], environment())
    assert re.fullmatch(r"trainyard \d+\.\d+\.\d+\n", ran.stdout.decode())


def test_nothing_typed_is_help_and_exit_code_2() -> None:
    ran = in_its_own([], environment())
    assert (ran.returncode, b"datasets" in ran.stdout + ran.stderr) == (2, True)


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (["train", "submit", "x", "--retries", "101"], "--retries 必须小于或等于 100。"),
        (["train", "submit", "x", "--retries", "two"], "--retries 必须是整数。"),
        (["groups", "quota", "v", "--cpu", "-1"], "--cpu 必须大于或等于 0。"),
        (["train", "submit", "x", "--hours"], "--hours 后面需要一个值。"),
        (["train", "submit", "x", "y"], "y 是多余的。"),
    ],
)
def test_what_is_typed_wrongly_is_told_in_the_terminals_language(typed: list[str], told: str) -> None:
    ran = in_its_own(typed, environment(LANG="zh_CN.UTF-8"))
    assert (ran.returncode, ran.stderr.decode().startswith(told)) == (2, True), ran.stderr.decode()


@pytest.mark.parametrize("command", [["train", "submit"], ["train"], ["search", "start"]])
def test_chinese_help_is_whole_in_a_narrow_terminal(command: list[str]) -> None:
    told = in_its_own([*command, "--help"], environment(LANG="zh_CN.UTF-8", COLUMNS="80")).stdout.decode()
    assert ("选项" in told, "…" in told) == (True, False)


def test_a_platform_of_this_machine_that_is_stopped_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "administrator-token").touch(0o600)
    ran = in_its_own(["whoami"], environment(TRAINYARD_HOME=str(tmp_path)))
    assert (ran.returncode, b"is stopped. Start it with `make run`." in ran.stderr) == (3, True)


@pytest.fixture
def somebody_else() -> Any:
    """A web server that is not ours: a page at /, a redirect below /moved."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            moved = self.path.startswith("/moved")
            self.send_response(301 if moved else 200)
            if moved:
                self.send_header("Location", "https://elsewhere.example/")
            self.end_headers()
            self.wfile.write(b"<html>welcome</html>")

        def log_message(self, *arguments: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_what_is_not_trainyard_is_told_in_a_sentence(somebody_else: str) -> None:
    ran = in_its_own(["whoami"], environment(TRAINYARD_URL=somebody_else, TRAINYARD_TOKEN="x"))
    assert (ran.returncode, b"not a Trainyard" in ran.stderr, b"Traceback" in ran.stderr) == (3, True, False)


def test_an_address_that_moved_is_named(somebody_else: str) -> None:
    ran = in_its_own(["whoami"], environment(TRAINYARD_URL=f"{somebody_else}/moved", TRAINYARD_TOKEN="x"))
    assert (ran.returncode, b"https://elsewhere.example/" in ran.stderr) == (3, True)


def test_an_address_without_tls_behind_https_is_told_in_a_sentence(service: Any) -> None:
    address = service.address.replace("http:", "https:")
    ran = in_its_own(["whoami"], environment(TRAINYARD_URL=address, TRAINYARD_TOKEN="x"))
    assert (ran.returncode, b"does not answer" in ran.stderr, b"Traceback" in ran.stderr) == (3, True, False)


def test_a_server_that_hangs_up_is_told_in_a_sentence() -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()

        def hang_up() -> None:
            listening.accept()[0].close()

        Thread(target=hang_up, daemon=True).start()
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        ran = in_its_own(["whoami"], environment(TRAINYARD_URL=address, TRAINYARD_TOKEN="x"))
    assert (ran.returncode, b"Traceback" in ran.stderr) == (3, False)


def test_without_a_home_there_is_a_sentence(tmp_path: Path) -> None:
    env = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(tmp_path / "none")}
    ran = in_its_own(["whoami"], env)
    assert (ran.returncode, b"trainyard login" in ran.stderr) == (1, True)


def test_words_are_chinese_where_the_terminal_is(anna: dict[str, str]) -> None:
    ran = in_its_own(["datasets", "show", "x"], anna | {"LANG": "zh_CN.UTF-8"})
    assert "没有名为 x 的" in ran.stderr.decode()
    assert "没有选项 --no-such" in in_its_own(["whoami", "--no-such"], anna | {"LANG": "zh_CN.UTF-8"}).stderr.decode()


def test_a_refusal_is_json_for_who_asked_for_json(anna: dict[str, str]) -> None:
    ran = in_its_own(["datasets", "show", "none", "--json"], anna)
    assert (ran.returncode, ran.stdout, json.loads(ran.stderr)["error"]["code"]) == (1, b"", "no-such-name")


@pytest.mark.parametrize(
    ("content", "code"),
    [("", 1), ("not json", 1), ('{"url": "http://127.0.0.1:1"}', 1), ('{"url": "nowhere", "token": "x"}', 1)],
    ids=["empty", "text", "no token", "no address"],
)
def test_a_damaged_sign_in_is_told_with_its_file(tmp_path: Path, content: str, code: int) -> None:
    kept = tmp_path / "trainyard" / "login.json"
    kept.parent.mkdir()
    kept.write_text(content)
    kept.chmod(0o600)
    ran = in_its_own(["whoami"], environment(XDG_CONFIG_HOME=str(tmp_path)))
    assert (ran.returncode, b"Traceback" in ran.stderr, bool(ran.stderr)) == (code, False, True)


@pytest.fixture
def weights(service: Any) -> tuple[dict[str, str], bytes]:
    """The environment of a shell whose person has a model, and the model's bytes."""
    person, data = service.account("anna"), os.urandom(3000)
    row = ModelRow(id="0123456789abcdef", kind="custom", name="m", owner_id=person.id, file="m.params")
    row.description, row.metrics, row.size, row.sha256 = "", {}, len(data), hashlib.sha256(data).hexdigest()
    with service.context.database.write() as session:
        session.add(row)
    folder = service.context.home.model(row.id)
    folder.mkdir(parents=True)
    (folder / "model").write_bytes(data)
    (folder / MANIFEST).write_text("{}")
    return environment(TRAINYARD_URL=service.address, TRAINYARD_TOKEN=person.token), data


def test_a_download_into_a_pipe_is_all_that_comes_out_of_it(weights: tuple[dict[str, str], bytes], tmp_path: Path) -> None:
    env, data = weights
    (tmp_path / "stdout").symlink_to("/proc/self/fd/1")  # as /dev/stdout is one, which root could lose here
    ran = in_its_own(["models", "get", "m", str(tmp_path / "stdout")], env)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, data, b"")
    assert (tmp_path / "stdout").is_symlink()


def test_a_download_into_redirected_output_is_all_that_the_file_holds(
    weights: tuple[dict[str, str], bytes], tmp_path: Path
) -> None:
    env, data = weights
    (tmp_path / "stdout").symlink_to("/proc/self/fd/1")
    with (tmp_path / "model").open("wb") as file:
        ran = subprocess.run(
            [*PROGRAM, "models", "get", "m", str(tmp_path / "stdout")], env=env, stdout=file, check=False, timeout=150
        )
    assert (ran.returncode, (tmp_path / "model").read_bytes()) == (0, data)
    assert (tmp_path / "stdout").is_symlink()


def test_a_download_into_a_device_leaves_it_there(weights: tuple[dict[str, str], bytes], tmp_path: Path) -> None:
    (tmp_path / "null").symlink_to("/dev/null")
    assert in_its_own(["models", "get", "m", str(tmp_path / "null")], weights[0]).returncode == 0
    assert (tmp_path / "null").is_symlink()
