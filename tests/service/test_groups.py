"""Groups, members, quotas: what members see, what removal means."""

from __future__ import annotations

import pytest
from trainyard_service.database.tables.accounts import ExpulsionRow


@pytest.fixture
def admin(service):
    return service.account("admin", administrator=True)


def test_a_group_is_made_with_quota_and_share(service, admin):
    answer = service.client(admin).post("/groups", json={"name": "视觉", "quota": {"cpu": 4, "memory": 2**34}})
    assert answer.status_code == 201
    group = answer.json()
    assert group["gid"] == 30000 + group["id"] and group["quota"]["cpu"] == 4 and group["quota"]["gpu"] is None
    assert service.context.home.group_share(group["id"]).is_dir()


def test_group_names_are_unique_whatever_their_case(service, admin):
    client = service.client(admin)
    client.post("/groups", json={"name": "Vision"})
    assert client.post("/groups", json={"name": "vision"}).json()["error"]["code"] == "group-exists"


def test_members_see_their_groups_and_nobody_elses(service):
    vision, speech = service.group("vision"), service.group("speech")
    anna, ben = service.account("anna", vision), service.account("ben", speech)
    client = service.client(anna)
    assert [group["name"] for group in client.get("/groups").json()] == ["vision"]
    assert [member["person"]["name"] for member in client.get("/groups/vision").json()["members"]] == ["anna"]
    assert service.client(ben).get("/groups/vision").status_code == 404


def test_the_next_step_of_a_newcomer_is_a_group_and_then_a_storage_space(service):
    alone, inside = service.account("anna"), service.account("ben", service.group("vision"))
    steps = [service.client(one).get("/me").json()["next_step"] for one in (alone, inside)]
    assert steps == ["join-group", "bind-storage"]


def test_a_persons_quota_in_a_group_is_changed(service, admin):
    vision = service.group("vision")
    anna = service.account("anna", vision)
    group = service.client(admin).put(f"/groups/vision/members/{anna.id}", json={"quota": {"jobs": 1}}).json()
    assert group["members"][0]["quota"]["jobs"] == 1


def test_removal_ends_rights_now_and_what_runs_in_ten_minutes(service, admin):
    vision = service.group("vision")
    anna = service.account("anna", vision)
    assert service.client(admin).delete(f"/groups/vision/members/{anna.id}").json()["members"] == []
    client = service.client(anna)
    assert client.get("/groups/vision").status_code == 404
    assert "10 minutes" in client.get("/notices").json()["items"][0]["text"]
    with service.context.database.read() as session:
        assert session.get(ExpulsionRow, (vision.id, anna.id)) is not None


def test_coming_back_in_time_takes_the_notice_back(service, admin):
    vision = service.group("vision")
    anna = service.account("anna", vision)
    client = service.client(admin)
    client.delete(f"/groups/vision/members/{anna.id}")
    client.put(f"/groups/vision/members/{anna.id}", json={})
    with service.context.database.read() as session:
        assert session.get(ExpulsionRow, (vision.id, anna.id)) is None


def test_removing_somebody_who_is_not_there_says_so(service, admin):
    service.group("vision")
    answer = service.client(admin).delete(f"/groups/vision/members/{admin.id}")
    assert answer.json()["error"]["code"] == "not-a-member"


@pytest.mark.one_database
def test_a_planted_link_in_the_share_is_not_followed(service, admin, tmp_path):
    vision = service.group("vision")
    anna = service.account("anna")
    share = service.context.home.group_share(vision.id)
    share.mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (share / "anna").symlink_to(tmp_path / "elsewhere")
    assert service.client(admin).put(f"/groups/vision/members/{anna.id}", json={}).status_code == 200
    assert (share / "anna").is_dir()
    assert not (share / "anna").is_symlink()
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert (tmp_path / "elsewhere").stat().st_mode & 0o7777 == 0o700
