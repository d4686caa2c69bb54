"""Whose files a dataset's list may name: the share of a group is read for as long as whoever brought the list belongs to it."""

from __future__ import annotations

import pytest
from trainyard.errors import NotAllowed
from trainyard.home import Home
from trainyard_service.database.engine import Database
from trainyard_service.database.tables.accounts import AccountRow, GroupRow, MembershipRow
from trainyard_service.database.tables.datasets import DatasetRow
from trainyard_service.datasets.sources import places_of


@pytest.fixture
def database(database_url):
    database = Database(database_url)
    with database.write() as session:
        for name in ("anna", "ben"):
            session.add(AccountRow(name=name, name_key=name, password_hash="!"))
        session.add(GroupRow(name="vision", name_key="vision"))
        session.flush()
        session.add(MembershipRow(group_id=1, account_id=1))
    yield database
    database.close()


def dataset(**source: object) -> DatasetRow:
    return DatasetRow(id="d" * 16, name="d", owner_id=1, source={"kind": "share", "group_id": 1, "path": "a/list", **source})


@pytest.mark.parametrize("one", [dataset(), dataset(by=1)])
def test_a_members_list_leads_to_the_share_with_the_number_that_may_read_it(database, tmp_path, one):
    with database.read() as session:
        places = places_of(session, Home(tmp_path), one)
        assert places.roots["/workspace/mnt/group/vision"] == Home(tmp_path).group_share(1)
        assert places.groups == (session.get_one(GroupRow, 1).gid,)


@pytest.mark.parametrize("one", [dataset(), dataset(by=1), dataset(by=2)])
def test_nobody_reads_a_share_by_the_list_of_somebody_who_left(database, tmp_path, one):
    with database.write() as session:
        session.delete(session.get_one(MembershipRow, (1, 1)))
    with database.read() as session, pytest.raises(NotAllowed):
        places_of(session, Home(tmp_path), one)
