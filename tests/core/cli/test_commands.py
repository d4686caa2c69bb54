"""Each group of commands does what it says, refuses in a sentence, and answers programs in JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from trainyard.cli.jobs import stopping_rows, waiting_rows, why
from trainyard.cli.training import instance_row
from trainyard.client import Client
from trainyard.jobs.states import JobState
from trainyard.records.accounts import AccountState
from trainyard.records.datasets import Batch
from trainyard.records.jobs import Job
from trainyard.records.trainings import Instance
from trainyard_service.database.tables.jobs import BookingRow, JobRow, WorkspaceRow
from trainyard_service.database.tables.trainings import TrainingRow


@pytest.fixture
def boss(service: Any, sign_in: Any) -> Any:
    person = service.account("boss", administrator=True)
    sign_in(person)
    return person


@pytest.fixture
def anna(service: Any, sign_in: Any) -> Any:
    person = service.account("anna", service.group("vision"))
    sign_in(person)
    return person


def test_whoami_answers_the_record_of_rest(run: Any, anna: Any) -> None:
    me = json.loads(run("whoami", "--json").out)
    assert (me["name"], me["administrator"], [group["name"] for group in me["groups"]]) == ("anna", False, ["vision"])


def test_an_applicant_is_approved_by_name_into_a_group(run: Any, service: Any, boss: Any) -> None:
    service.account("lena", state=AccountState.APPLIED)
    run("groups", "create", "视觉 组")
    decided = json.loads(run("accounts", "approve", "lena", "--group", "视觉 组", "--json").out)
    assert (decided["state"], decided["groups"]) == ("active", ["视觉 组"])


def test_a_quota_changes_only_what_is_given(run: Any, service: Any, boss: Any) -> None:
    service.group("vision")
    run("groups", "quota", "vision", "--cpu", "4", "--memory", "8G")
    quota = json.loads(run("groups", "quota", "vision", "--jobs", "2", "--json").out)["quota"]
    assert (quota["cpu"], quota["memory"], quota["jobs"], quota["gpu"]) == (4, 8 << 30, 2, None)


def test_a_size_that_is_none_is_refused_with_an_example(run: Any, service: Any, boss: Any) -> None:
    service.group("vision")
    ran = run("groups", "quota", "vision", "--memory", "much")
    assert (ran.code, "much is no size" in ran.error, "64G" in ran.error) == (1, True, True)


def test_members_are_added_and_removed_by_name(run: Any, service: Any, boss: Any) -> None:
    service.group("vision")
    service.account("anna")
    run("groups", "add", "vision", "anna")
    assert "anna" in run("groups", "list").out
    run("groups", "remove", "vision", "anna")
    assert "anna" not in run("groups", "list").out


def test_a_members_part_of_a_quota_changes_by_name(run: Any, service: Any, boss: Any) -> None:
    service.account("anna", service.group("vision"))
    changed = run("groups", "quota", "vision", "--member", "anna", "--jobs", "1", "--json").json
    assert changed["members"][0]["quota"]["jobs"] == 1
    assert "anna" in run("groups", "show", "vision").out
    assert "is not in vision" in run("groups", "quota", "vision", "--member", "boss", "--jobs", "1").error


@pytest.mark.parametrize("kind", ["package", "clusters"])
def test_what_is_given_out_is_declared_and_deleted(run: Any, boss: Any, kind: str) -> None:
    assert run(kind, "put", "small", "--cpu", "0.5", "--memory", "1G").code == 0
    assert run(kind, "delete", "small", "--json").json == {"deleted": "small"}
    assert run(kind, "delete", "small").code == 1


def test_a_package_that_the_machine_cannot_give_is_declared_with_a_warning(run: Any, boss: Any) -> None:
    ran = run("package", "put", "huge", "--cpu", "1", "--memory", "1G", "--gpu", "64")
    assert (ran.code, "huge" in ran.out) == (0, True)
    assert "The machine has 0 GPUs; 0 in use, 64 asked for." in ran.error
    assert run("package", "put", "small", "--cpu", "0.5", "--memory", "1G").error == ""


def test_what_new_groups_get_is_changed(run: Any, boss: Any) -> None:
    assert run("groups", "default-quota", "--cpu", "3", "--memory", "8G", "--json").json["cpu"] == 3
    assert run("groups", "default-quota").out.splitlines()[-1].split()[:3] == ["3", "8", "GiB"]
    assert run("groups", "create", "fresh", "--json").json["quota"]["cpu"] == 3


@pytest.mark.parametrize(("decision", "state"), [("block", "blocked"), ("unblock", "active"), ("approve", "active")])
def test_people_are_decided_about_by_name(run: Any, service: Any, boss: Any, decision: str, state: str) -> None:
    before = {"block": AccountState.ACTIVE, "unblock": AccountState.BLOCKED, "approve": AccountState.APPLIED}[decision]
    service.account("lena", state=before)
    assert run("accounts", decision, "lena", "--json").json["state"] == state
    assert run("accounts", "show", "lena", "--json").json["state"] == state


def test_an_application_is_refused_with_a_reason(run: Any, service: Any, boss: Any) -> None:
    service.account("lena", state=AccountState.APPLIED)
    assert run("accounts", "refuse", "lena", "--reason", "the machine is full", "--json").json["state"] == "refused"
    assert run("accounts", "list", "--state", "applied", "--json").json == []


def test_an_administrator_makes_another_and_takes_it_back(run: Any, service: Any, boss: Any) -> None:
    service.account("lena")
    assert run("accounts", "promote", "lena", "--json").json["administrator"] is True
    assert run("accounts", "demote", "lena", "--json").json["administrator"] is False


def test_the_audit_tells_what_was_changed_to_what(run: Any, service: Any, boss: Any) -> None:
    service.account("lena")
    run("accounts", "promote", "lena")
    run("accounts", "demote", "lena")
    demoted, promoted = run("audit", "--action", "accounts.set_administrator").out.splitlines()[1:]
    assert ("lena" in demoted, "administrator false" in demoted) == (True, True)
    assert "administrator true" in promoted


def test_a_step_that_does_not_fit_the_state_of_an_account_says_which_would(run: Any, service: Any, boss: Any) -> None:
    service.account("lena", state=AccountState.APPLIED)
    service.account("mia", state=AccountState.BLOCKED)
    assert run("accounts", "delete", "lena", "--yes").error == (
        "The account lena waits for a decision. Approve or refuse it first.\n"
    )
    assert run("accounts", "approve", "mia").error == "The account mia is blocked. Unblock it first.\n"


def test_an_account_is_deleted_only_when_somebody_says_yes(run: Any, service: Any, boss: Any) -> None:
    service.account("lena")
    assert run("accounts", "delete", "lena", "--preview", "--json").json["name"] == "lena"
    asked = run("accounts", "delete", "lena")
    assert (asked.code, "--yes" in asked.error) == (2, True)
    assert run("accounts", "delete", "lena", "--yes", "--json").json["name"] == "lena"
    assert run("accounts", "show", "lena").code == 1


def test_passwords_come_by_standard_input_only(run: Any, service: Any, boss: Any) -> None:
    service.account("lena")
    assert run("accounts", "password", "lena", typed="correct horse battery 9\n").code == 0
    refused = run("password", typed="not mine\nanother long one 7\n")
    assert (refused.code, "another long one" in refused.out + refused.error) == (1, False)


def test_the_language_of_the_pages_is_chosen(run: Any, anna: Any) -> None:
    assert run("language", "zh", "--json").json == {"chosen": "zh"}
    assert run("whoami", "--json").json["language"] == "zh"
    assert run("language", "tlh").code == 1


def test_login_is_kept_for_its_owner_and_forgotten(
    run: Any, service: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = service.account("anna")
    for name in ("TRAINYARD_URL", "TRAINYARD_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    kept = run("login", service.address, "--json", typed=person.token + "\n").json["file"]
    assert (Path(kept).stat().st_mode & 0o777, run("whoami", "--json").json["name"]) == (0o600, "anna")
    Path(kept).chmod(0o644)
    assert (run("whoami").code, "chmod 600" in run("whoami").error) == (1, True)
    assert run("logout", "--json").json["file"] == kept
    assert run("whoami").code == 1
    wrong = run("login", service.address, typed="wrong\n")
    assert (wrong.code, "knows no such token" in wrong.error, "trainyard login" in wrong.error) == (1, True, False)
    assert run("login", "no-scheme.example", typed=person.token + "\n").code == 1


def test_people_are_not_for_everybody(run: Any, anna: Any) -> None:
    ran = run("accounts", "list")
    assert (ran.code, ran.out) == (1, "")


def test_a_token_is_printed_once_and_works_until_revoked(run: Any, anna: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made = json.loads(run("tokens", "create", "laptop", "--json").out)
    assert made["secret"] not in run("tokens", "list", "--json").out
    run("tokens", "revoke", made["id"])
    monkeypatch.setenv("TRAINYARD_TOKEN", made["secret"])
    assert run("whoami").code == 1


@pytest.mark.parametrize(
    "command", ["datasets", "batches", "train", "models", "groups", "tokens"], ids=lambda command: f"{command} list"
)
def test_an_empty_list_is_an_empty_list(run: Any, boss: Any, command: str) -> None:
    assert json.loads(run(command, "list", "--json").out) == []


@pytest.mark.parametrize("command", ["images", "packages", "usage", "disk", "notices", "audit"])
def test_the_machine_is_told_in_json(run: Any, boss: Any, command: str) -> None:
    ran = run(command, "--json")
    assert (ran.code, type(json.loads(ran.out)) in (list, dict)) == (0, True)


def test_booked_and_idle_hours_of_a_month_are_a_table(run: Any, service: Any, anna: Any) -> None:
    begin = datetime(2026, 3, 1, tzinfo=UTC)
    meter = {"devices": {"cpu": 2.0, "A100": 1}, "months": {"2026-03": {"cores": [3600, 1800], "cards": [3600, 900]}}}
    with service.context.database.write() as session:
        row = BookingRow(key="job-1", owner_id=anna.id, group_id=1, cpu=2, gpu=1, devices=["gpu-0"], meter=meter)
        row.since, row.until = begin, begin + timedelta(hours=2)
        session.add(row)
    ran = run("usage", "--month", "2026-03")
    assert [line.split() for line in ran.out.splitlines() if "anna" in line] == [
        ["vision", "anna", "cores", "0", "4.0", "1.0", "50%", "2.0"],
        ["vision", "anna", "A100", "0", "2.0", "0.2", "25%", "1.0"],
    ]
    assert "Hours are kept since" in ran.error
    assert run("usage", "--month", "2026-03", "--json").json["people"][0]["booked"] == 4
    assert "October is no month" in run("usage", "--month", "October").error


def test_a_stopped_workspace_says_so(run: Any, anna: Any) -> None:
    assert json.loads(run("workspace", "status", "--json").out)["state"] == "stopped"


def end_workspace(service: Any, person: Any, ending: dict[str, Any]) -> None:
    """Have the person's workspace ended so."""
    moment = datetime.now(UTC)
    with service.context.database.write() as session:
        row = WorkspaceRow(key=f"workspace-{person.id}-1", account_id=person.id, number=1, group_id=1, image="workspace:1")
        row.package, row.ends_at, row.ended, row.ending = "1Core2G", moment + timedelta(hours=1), moment, ending
        session.add(row)


def test_a_workspace_that_broke_says_how_what_it_used_what_to_do_and_its_last_lines(run: Any, service: Any, anna: Any) -> None:
    ending = {"cause": "out-of-memory", "peak_memory": 2**30, "memory_limit": 2**30, "last_lines": ["Killed"]}
    ending |= {"error_class": "permanent", "offer": {"kind": "twice-the-memory", "package": "2Core4G"}}
    end_workspace(service, anna, ending)
    said = run("workspace", "status").out
    assert "needed more than its 1 GiB of memory" in said
    assert "memory 1 GiB of 1 GiB" in said
    assert "Take a package with more memory" in said
    assert "2Core4G" in said
    assert said.endswith("Killed\n")


def test_a_workspace_whose_time_was_over_is_told_to_be_renewed_and_of_no_checkpoint(run: Any, service: Any, anna: Any) -> None:
    end_workspace(service, anna, {"cause": "time-limit", "time_limit": 86_400, "last_lines": []})
    said = run("workspace", "status").out
    assert "time limit of 24 h" in said
    assert "renewed in time" in said
    assert "checkpoint" not in said


@pytest.mark.parametrize(
    "arguments",
    [
        ("datasets", "show", "none"),
        ("train", "stop", "none"),
        ("models", "get", "none"),
        ("batches", "show", "0123456789abcdef"),
        ("storage", "show"),
        ("bucket", "ls"),
        ("bucket", "put", "/nonexistent"),
        ("console", "none"),
    ],
    ids=" ".join,
)
def test_what_is_not_there_is_a_refusal_without_a_traceback(run: Any, anna: Any, arguments: tuple[str, ...]) -> None:
    ran = run(*arguments)
    assert (ran.code, ran.out, "Traceback" in ran.error, bool(ran.error.strip())) == (1, "", False, True)


def test_refusals_are_in_the_language_of_the_terminal(run: Any, anna: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    assert "没有名为 没有 的" in run("datasets", "show", "没有").error


def test_what_format_says_of_a_batch_can_be_copied_from_a_narrow_terminal(
    run: Any, anna: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = "57a16ac43104d331"
    about = {"batch": batch, "dataset": "d", "dataset_name": "digits", "format": "recordio", "range": (0, 4000), "ready": True}
    one = about | {"id": f"{batch}-recordio-train", "split": "train", "ratio": 0.8, "samples": 4000, "bytes": 1 << 21}
    made = Batch.model_validate(
        {
            "id": batch, "dataset": "d", "dataset_name": "digits", "label_set": "digits", "shuffle": True, "seed": 0,
            "resize": "", "quality": 95, "created": datetime.now(UTC), "creator": {"id": anna.id, "name": "anna"},
            "job": None, "state": "finished", "progress": None, "sets": [one],
        }
    )  # fmt: skip
    monkeypatch.setattr(Client, "batch", lambda _, __: made)
    for name, value in {"FORCE_COLOR": "1", "TERM": "dumb", "COLUMNS": "80"}.items():
        monkeypatch.setenv(name, value)
    lines = [line.split() for line in run("batches", "show", batch).out.splitlines()]
    assert lines[0] == ["batch", batch]
    assert lines[-1][:2] == [one["id"], "recordio"]


def test_wrong_use_is_exit_code_2(run: Any, anna: Any) -> None:
    assert run("datasets", "create", "a").code == 2


def test_a_value_that_no_record_takes_is_exit_code_2(run: Any, anna: Any) -> None:
    assert run("format", "0123456789abcdef", "--formats", "rar").code == 2


def test_a_platform_that_is_away_is_exit_code_3(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAINYARD_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("TRAINYARD_TOKEN", "x")
    ran = run("whoami")
    assert (ran.code, "does not answer" in ran.error) == (3, True)


def test_the_demo_says_how_to_start_a_platform_that_was_never_started(
    run: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRAINYARD_HOME", str(tmp_path / "empty"))
    ran = run("demo")
    assert (ran.code, "make run" in ran.error) == (3, True)


def test_a_token_others_can_read_is_not_used(run: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (tmp_path / "address").write_text("http://127.0.0.1:1")
    (secrets / "administrator-token").write_text("x")
    (secrets / "administrator-token").chmod(0o644)
    monkeypatch.setenv("TRAINYARD_HOME", str(tmp_path))
    ran = run("demo")
    assert (ran.code, "chmod 600" in ran.error) == (1, True)


def test_hyper_parameters_that_no_training_could_read_are_refused_before_anything_is_sent(
    run: Any, anna: Any, tmp_path: Path
) -> None:
    reasons = {
        b"rate: 0.1": "line 1, column 1",
        b'{"rate": 1e999}': "1e999 is not a JSON number",
        b"[" * 100_000: "more than 32 levels",
        b'{"a":' * 1000 + b"1" + b"}" * 1000: "more than 32 levels",
        b"\xff{}": "byte 0 is not UTF-8",
        b'{"table": "' + b"0" * 10_000_000 + b'"}': "more than 1048576 bytes",
    }
    command = ("train", "submit", "first", "--entry", "/bin/true", "--package", "1Core2G", "--check", "--parameters")
    file = tmp_path / "params.json"
    for content, reason in reasons.items():
        file.write_bytes(content)
        assert reason in run(*command, str(file)).error
    assert "No such file or directory" in run(*command, str(tmp_path / "none.json")).error


def test_a_job_is_given_by_itself_or_by_its_training(run: Any, service: Any, anna: Any) -> None:
    with service.context.database.write() as session:
        job = JobRow(id="a" * 16, kind="train", name="net", owner_id=anna.id, group_id=1, state=JobState.QUEUED)
        job.image, job.package, job.wanted = "workspace:1", "1Core2G", "stop"  # so that no engine starts it
        session.add(job)
        session.flush()
        told = {"name": "net", "owner_id": anna.id, "group_id": 1, "job_id": job.id, "entry": "x", "hours": 1}
        session.add(TrainingRow(id="b" * 16, **told))
    assert [len(run("train", "list", "--state", one, "--json").json) for one in ("queued", "running")] == [1, 0]
    assert [run("jobs", "show", named, "--json").json["id"] for named in ("a" * 16, "b" * 16, "net")] == ["a" * 16] * 3
    assert "There is no training" in run("jobs", "show", "c" * 16).error


def test_of_a_distributed_job_one_process_is_searched_and_brought(run: Any, service: Any, anna: Any, tmp_path: Path) -> None:
    with service.context.database.write() as session:
        job = JobRow(id="a" * 16, kind="train", name="net", owner_id=anna.id, group_id=1, state=JobState.FINISHED)
        job.image, job.package, job.attempt = "workspace:1", "1Core2G", 1
        job.replicas = [{"role": "worker", "count": 2, "package": None}]
        session.add(job)
        session.flush()
        told = {"name": "net", "owner_id": anna.id, "group_id": 1, "job_id": job.id, "entry": "x", "hours": 1}
        session.add(TrainingRow(id="b" * 16, **told))
    folder = service.context.home.group_share(1) / "anna" / "run"
    folder.mkdir(parents=True)
    (folder / "train_net_out.log").write_text("this is worker0\n")
    (folder / "train_net_worker1_out.log").write_text("this is worker1\n")
    assert run("jobs", "search", "a" * 16, "THIS", "--replica", "worker1").out == "1:this is worker1\n"
    run("jobs", "download", "a" * 16, str(tmp_path / "log"), "--replica", "worker1")
    assert (tmp_path / "log").read_text() == "this is worker1\n"
    assert run("jobs", "usage", "a" * 16, "--replica", "worker1", "--json").json["times"] == []
    assert "worker7" in run("jobs", "usage", "a" * 16, "--replica", "worker7").error


def test_packages_are_those_of_ones_own_first_group(run: Any, service: Any, anna: Any) -> None:
    assert "without a group" not in run("packages").out


def job_of(**told: Any) -> Job:
    person, never = {"id": 1, "name": "anna"}, dict.fromkeys(("queued", "started", "ended", "deadline"))
    about = {"id": "a" * 16, "kind": "train", "name": "net", "owner": person, "group": None, "attempt": 1, "image": "x"}
    return Job.model_validate({**about, **never, "package": "y", "created": datetime.now(UTC), "wanted": "run", **told})


def test_what_a_failed_program_said_last_cannot_command_the_terminal() -> None:
    ending = {"cause": "exited", "text": "It failed.", "last_lines": ["\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "中文\tend"]}
    assert why(job_of(state="failed", ending=ending)).splitlines() == ["It failed.", "red", "]0;title", "中文\tend"]


def test_what_was_asked_to_end_and_is_still_there_says_so() -> None:
    assert [stopping_rows(job_of(state=state, wanted="stop")) != [] for state in ("running", "stopped")] == [True, False]
    assert stopping_rows(job_of(state="running")) == []


def test_what_waits_shows_its_place_and_why() -> None:
    short = {"subject": "group vision", "resource": "cpu", "used": 4, "limit": 4, "asked": 1, "text": "4 of 4 in use."}
    waiting = {"place": 2, "of": 5, **short}
    assert waiting_rows(job_of(state="queued", waiting=waiting)) == [("place", "2 / 5"), ("waits for", "4 of 4 in use.")]


def test_a_run_shows_what_the_tiles_of_its_page_show() -> None:
    began = datetime(2026, 11, 21, tzinfo=UTC)
    run = Instance(
        id="1" * 24, training="t" * 16, state="running", started=began, stopped=None,
        epoch=1, epochs=10, batch=70, samples_per_second=848.93, elapsed=61.4, remaining=3600.0,
    )  # fmt: skip
    assert instance_row(run)[2:7] == ("2/10", 70, "849", "0:01:01", "1:00:00")
