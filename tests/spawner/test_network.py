"""A sandbox of root's reaches the outside and nothing else; tried in a machine of its own, made of network namespaces."""

from __future__ import annotations

import os
import subprocess
import sys
from ipaddress import IPv4Network
from pathlib import Path

import pytest
from trainyard_spawner.network import POOLS, PREFIX, NoNetwork, Platform, choose_outside, free_blocks, is_left

WORLD = Path(__file__).with_name("network_world.py")
DEFAULT = ("uplink", IPv4Network("0.0.0.0/0"))


def test_the_way_out_is_where_the_default_routes_lead() -> None:
    outside = choose_outside([DEFAULT, ("docker0", IPv4Network("172.17.0.0/16"))])
    assert (outside.uplinks, outside.pool) == (("uplink",), IPv4Network("10.213.0.0/16"))


def test_addresses_that_are_in_use_are_not_taken() -> None:
    assert choose_outside([DEFAULT, ("vpn", IPv4Network("10.0.0.0/8"))]).pool == IPv4Network("172.29.0.0/16")


def test_own_interfaces_do_not_count_as_use() -> None:
    assert choose_outside([DEFAULT, ("ty-7", IPv4Network("10.213.0.28/30"))]).pool == IPv4Network("10.213.0.0/16")


def test_without_a_default_route_there_is_no_way_out() -> None:
    with pytest.raises(NoNetwork):
        choose_outside([("lan", IPv4Network("192.168.1.0/24"))])


@pytest.mark.parametrize("pool", POOLS)
def test_every_block_of_addresses_is_given_to_one_person_if_nobody_else_has_it(pool: str) -> None:
    found = dict(free_blocks(IPv4Network(pool), 20_001, ()))
    assert len(found) == len(set(found.values())) == IPv4Network(pool).num_addresses // 4
    last = list(found)[-1]
    assert list(free_blocks(IPv4Network(pool), 20_001, set(found) - {last})) == [(last, found[last])]
    assert last.startswith(PREFIX)


@pytest.fixture(scope="module")
def world() -> dict[str, str]:
    """What was reached from inside a sandbox, by the name of the place."""
    if os.geteuid() != 0:
        pytest.skip("only root makes networks")
    environment = {**os.environ, "PYTHONPATH": str(WORLD.parents[2])}
    told = subprocess.run([sys.executable, WORLD], env=environment, capture_output=True, text=True, timeout=900, check=False)
    assert told.returncode == 0, told.stderr
    return dict(line.split("=", 1) for line in told.stdout.splitlines())


@pytest.mark.root
def test_the_outside_is_reached_under_the_address_of_the_machine(world: dict[str, str]) -> None:
    assert world["outside"] == "203.0.113.1"


@pytest.mark.root
@pytest.mark.parametrize("place", ["host-uplink", "host-own-end", "host-other-end", "host-loopback", "host-inner-network"])
def test_no_address_of_the_machine_answers(world: dict[str, str], place: str) -> None:
    assert world[place] == "out of reach"


@pytest.mark.root
def test_a_network_behind_the_machine_is_out_of_reach(world: dict[str, str]) -> None:
    assert world["inner-network"] == "out of reach"


@pytest.mark.root
@pytest.mark.parametrize("place", ["other-platform", "own-from-theirs"])
def test_the_sandboxes_of_two_platforms_do_not_reach_each_other(world: dict[str, str], place: str) -> None:
    assert world[place] == "out of reach"


@pytest.mark.root
def test_a_second_platform_on_the_machine_reaches_the_outside_too(world: dict[str, str]) -> None:
    assert world["outside-of-theirs"] == "203.0.113.1"


@pytest.mark.root
def test_filters_go_with_the_folder_of_their_platform_unless_its_sandboxes_run(world: dict[str, str]) -> None:
    assert world["tables"] == "ours theirs"


def test_the_filter_of_a_platform_stays_while_its_folder_or_an_interface_does(tmp_path: Path) -> None:
    one = Platform.of(tmp_path)
    assert not is_left(one.table, str(tmp_path), ())
    assert not is_left(one.table, "/gone", {one.group})
    assert is_left(one.table, "/gone", {0})


@pytest.mark.parametrize("table", ["trainyard-", "trainyard-elsewhere", "filter", "trainyards"])
def test_tables_of_others_stay(table: str) -> None:
    assert not is_left(table, "/gone", ())


@pytest.mark.root
@pytest.mark.parametrize("place", ["other-sandbox", "own-from-outside"])
def test_nobody_reaches_into_a_sandbox(world: dict[str, str], place: str) -> None:
    assert world[place] == "out of reach"


@pytest.mark.root
def test_interfaces_go_with_the_last_process_inside(world: dict[str, str]) -> None:
    assert world["left"] == ""


@pytest.mark.root
def test_a_real_sandbox_has_the_network_its_supervisor_entered(world: dict[str, str]) -> None:
    assert world["sandbox"] == "203.0.113.1"
