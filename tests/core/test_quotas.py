"""Admission holds its guarantees for any queue, ledger and limits, and says why with numbers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trainyard.quotas import (
    GIB,
    Amount,
    Holding,
    Limits,
    Request,
    Scope,
    admit,
    fits,
    never,
    package,
    packages,
    readable,
    room,
)
from trainyard.records.accounts import Quota

amounts = st.builds(Amount, cpu=st.integers(1, 8), memory=st.integers(1, 8), gpu=st.integers(0, 2), jobs=st.integers(0, 1))
people = st.integers(1, 3)
groups = st.sampled_from([None, 1, 2])
some = st.none() | st.integers(0, 12)
quotas = st.builds(Quota, cpu=some, memory=some, gpu=st.none() | st.integers(0, 3), jobs=st.none() | st.integers(0, 3))


@st.composite
def queues(draw: st.DrawFn) -> list[Request]:
    count = draw(st.integers(0, 8))
    return [
        Request(f"job-{n}", draw(people), draw(groups), draw(amounts), draw(st.integers(99, 101)), draw(st.integers(0, 5)))
        for n in range(count)
    ]


@st.composite
def all_limits(draw: st.DrawFn) -> Limits:
    devices = tuple(f"gpu-{n}" for n in range(draw(st.integers(0, 4))))
    return Limits(
        machine=Quota(cpu=draw(st.integers(1, 24)), memory=draw(st.integers(1, 24)), gpu=len(devices)),
        devices=devices,
        groups=draw(st.dictionaries(groups, quotas)),
        persons=draw(st.dictionaries(st.tuples(groups, people), quotas)),
    )


def held_after(queue: list[Request], starts: dict[str, tuple[str, ...]]) -> list[Holding]:
    by_key = {request.key: request for request in queue}
    return [Holding(by_key[key].person, by_key[key].group, by_key[key].amount, ids) for key, ids in starts.items()]


def broken_limits(holdings: list[Holding], limits: Limits) -> list[str]:
    scopes: list[tuple[Quota, list[Holding]]] = [(limits.machine, holdings)]
    scopes += [(quota, [h for h in holdings if h.group == group]) for group, quota in limits.groups.items()]
    scopes += [(quota, [h for h in holdings if (h.group, h.person) == who]) for who, quota in limits.persons.items()]
    return [
        f"{name} of {quota}"
        for quota, members in scopes
        for name in ("cpu", "memory", "gpu", "jobs")
        if (limit := getattr(quota, name)) is not None and sum(getattr(h.amount, name) for h in members) > limit
    ]


@given(queues(), all_limits())
def test_nothing_ever_goes_over_a_limit(queue: list[Request], limits: Limits) -> None:
    assert not broken_limits(held_after(queue, admit(queue, [], limits).starts), limits)


@given(queues(), queues(), all_limits())
def test_what_is_held_already_is_counted(first: list[Request], second: list[Request], limits: Limits) -> None:
    held = held_after(first, admit(first, [], limits).starts)
    assert not broken_limits(held + held_after(second, admit(second, held, limits).starts), limits)


@given(queues(), all_limits())
def test_everybody_starts_or_waits_and_places_count_up(queue: list[Request], limits: Limits) -> None:
    admission = admit(queue, [], limits)
    assert sorted([*admission.starts, *admission.waits]) == sorted(request.key for request in queue)
    assert [wait.place for wait in admission.waits.values()] == list(range(1, len(admission.waits) + 1))


@given(queues(), all_limits())
def test_a_device_has_one_holder(queue: list[Request], limits: Limits) -> None:
    holdings = held_after(queue, admit(queue, [], limits).starts)
    given_out = [device for holding in holdings for device in holding.devices]
    assert len(given_out) == len(set(given_out))
    assert all(len(holding.devices) == holding.amount.gpu for holding in holdings)


@given(queues(), all_limits())
def test_nobody_is_overtaken_by_one_who_asks_for_as_much_in_the_same_share(queue: list[Request], limits: Limits) -> None:
    order = sorted(queue, key=lambda item: (-item.priority, item.submitted, item.key))
    starts = admit(queue, [], limits).starts
    for place, waiting in enumerate(order):
        for behind in order[place + 1 :]:
            same_share = (behind.person, behind.group) == (waiting.person, waiting.group)
            as_much = all(getattr(behind.amount, n) >= getattr(waiting.amount, n) for n in ("cpu", "memory", "gpu", "jobs"))
            if same_share and as_much and waiting.key not in starts:
                assert behind.key not in starts


@given(queues(), all_limits())
def test_the_first_in_the_queue_waits_only_for_a_reason_that_is_true(queue: list[Request], limits: Limits) -> None:
    for request in queue:
        wait = admit([request], [], limits).waits.get(request.key)
        assert (wait is None) == (never(request, limits) is None)
        if wait:
            assert wait.shortage.used + wait.shortage.asked > wait.shortage.limit


def test_a_large_job_in_front_is_not_starved_by_small_ones_behind() -> None:
    limits = Limits(Quota(cpu=4, memory=8))
    held = [Holding(1, 1, Amount(cpu=2, memory=2, jobs=1))]
    large = Request("large", 2, 1, Amount(cpu=4, memory=4, jobs=1), submitted=1)
    small = Request("small", 3, 1, Amount(cpu=1, memory=1, jobs=1), submitted=2)
    assert list(admit([small, large], held, limits).waits) == ["large", "small"]


def test_one_who_waits_for_their_own_quota_does_not_hold_up_others() -> None:
    limits = Limits(Quota(cpu=4, memory=8), persons={(1, 1): Quota(jobs=0)})
    full = Request("full", 1, 1, Amount(cpu=1, memory=1, jobs=1), submitted=1)
    other = Request("other", 2, 1, Amount(cpu=4, memory=8, jobs=1), submitted=2)
    assert list(admit([full, other], [], limits).starts) == ["other"]


def test_the_sentence_tells_used_limit_and_asked() -> None:
    limits = Limits(Quota(cpu=8, memory=64 * GIB), groups={7: Quota(gpu=2)}, devices=("a", "b", "c"))
    held = [Holding(1, 7, Amount(gpu=1, cpu=1, memory=GIB), ("a",))]
    outcome = fits(Request("x", 2, 7, Amount(cpu=1, memory=GIB, gpu=2)), held, limits)
    assert not isinstance(outcome, tuple)
    assert outcome.scope is Scope.GROUP
    assert outcome.sentence("en", "vision") == "The quota of group vision allows 2 GPUs; 1 in use, 2 asked for."


def test_memory_is_told_in_gigabytes() -> None:
    shortage = never(Request("x", 1, None, Amount(cpu=1, memory=6 * GIB)), Limits(Quota(cpu=2, memory=4 * GIB)))
    assert shortage is not None
    assert "has 4 GiB of memory; 0 in use, 6 asked for" in shortage.sentence("en")


ONE = Amount(cpu=1, memory=GIB, jobs=1)


@given(st.dictionaries(st.tuples(groups, st.none() | people), st.integers(0, 20)), st.integers(0, 20), all_limits())
def test_what_has_room_never_goes_over_a_limit(
    stored: dict[tuple[int | None, int | None], int], asked: int, limits: Limits
) -> None:
    limits = replace(limits, stored=stored, groups={1: Quota(disk=9)}, persons={(1, 2): Quota(disk=5)})
    whole = sum(count for (group, _), count in stored.items() if group == 1)
    short = room(2, 1, asked, limits)
    assert (short is None) == (whole + max(asked, 1) <= 9 and stored.get((1, 2), 0) + max(asked, 1) <= 5)


def test_where_the_disk_is_used_up_nothing_starts_and_others_go_on() -> None:
    limits = Limits(
        Quota(cpu=8, memory=8 * GIB), groups={1: Quota(disk=GIB)}, stored={(1, 1): GIB, (1, None): GIB, (2, 1): GIB}
    )
    admission = admit([Request("full", 3, 1, ONE), Request("other", 3, 2, ONE)], [], limits)
    assert list(admission.starts) == ["other"]
    told = admission.waits["full"].shortage.sentence("en", "vision")
    assert told == "The disk quota of group vision is used up: 2 GiB of 1 GiB."


def test_a_persons_own_share_of_the_disk_is_told_with_used_limit_and_asked() -> None:
    limits = Limits(Quota(), persons={(1, 2): Quota(disk=3 * GIB)}, stored={(1, 2): GIB})
    short = room(2, 1, 5 * GIB // 2, limits)
    assert short is not None
    assert short.sentence("en", "vision") == "Your own share of vision allows 3 GiB on disk; 1 GiB in use, 2.5 GiB asked for."
    assert room(2, 1, 2 * GIB, limits) is None


@pytest.mark.parametrize(("count", "text"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (1010 * GIB, "1010 GiB")])
def test_bytes_are_told_in_units_people_read(count: int, text: str) -> None:
    assert readable(count) == text


def test_package_names_say_what_they_give() -> None:
    assert package("1GPU4Core60G") == replace(package("4Core60G"), name="1GPU4Core60G", gpu=1)
    assert package("2Core4G").memory == 4 * GIB


@pytest.mark.parametrize("name", ["", "0Core1G", "1Core0G", "2core4g", "GPU1Core2G", "2Core4G "])
def test_a_name_of_another_form_is_no_package(name: str) -> None:
    with pytest.raises(ValueError, match="package"):
        package(name)


def test_packages_the_machine_cannot_give_are_left_out() -> None:
    machine = Quota(cpu=2, memory=5 * GIB, gpu=0)
    assert [size.name for size in packages(["1Core2G", "2Core4G", "1Core6G", "1GPU1Core1G"], machine)] == ["1Core2G", "2Core4G"]
