"""Guarantees, borrowing, preemption, gangs, virtual clusters and GPU types: for any input, and told with numbers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trainyard.quotas import (
    GIB,
    Amount,
    Facts,
    Holding,
    Limits,
    PackageSize,
    Queue,
    Request,
    Scope,
    Share,
    admit,
    at_latest,
    startable,
)
from trainyard.records.accounts import Quota

LONGEST = 10
CARDS = ("a0", "a1", "b0", "b1")
TYPES = {"a0": "A", "a1": "A", "b0": "B", "b1": "B"}
MACHINE = Quota(cpu=8, memory=8, gpu=4)


def one(key: str, group: int | None = 1, **more: object) -> Request:
    """A request for one core."""
    asked = Amount(cpu=float(str(more.pop("cpu", 1))), memory=int(str(more.pop("memory", 1))), gpu=int(str(more.pop("gpu", 0))))
    return Request(key, 1, group, replace(asked, jobs=1), **more)  # type: ignore[arg-type]


# -- properties -------------------------------------------------------------------------------------------------------------

amounts = st.builds(Amount, cpu=st.integers(1, 6), memory=st.integers(1, 6), gpu=st.integers(0, 2), jobs=st.just(1))
clusters = st.sampled_from([None, None, "lab"])
some = st.none() | st.integers(0, 10)


@st.composite
def machines(draw: st.DrawFn) -> Limits:
    """A machine with a virtual cluster, types, quotas, and guarantees that it can keep."""
    lab = {"lab": Share(Quota(cpu=2, memory=2, gpu=1), ("a0",), Quota(gpu=1))} if draw(st.booleans()) else {}
    limits = Limits(MACHINE, CARDS, types=TYPES, clusters=lab)
    left = {name: int(getattr(limits.rest, name)) for name in ("cpu", "memory", "gpu")}
    guaranteed = {}
    for group in (1, 2):
        guaranteed[group] = Amount(**{name: draw(st.integers(0, there)) for name, there in left.items()})
        left = {name: there - getattr(guaranteed[group], name) for name, there in left.items()}
    quotas = {group: Quota(cpu=draw(some), gpu=draw(some), jobs=draw(some)) for group in draw(st.sets(st.integers(1, 3)))}
    return replace(limits, guaranteed=guaranteed, groups=quotas)


@st.composite
def queues(draw: st.DrawFn, prefix: str = "job") -> list[Request]:
    return [
        Request(
            f"{prefix}-{number}",
            person=draw(st.integers(1, 3)),
            group=draw(st.integers(1, 3)),
            amount=draw(amounts),
            priority=draw(st.integers(99, 101)),
            submitted=draw(st.integers(0, 5)),
            preemptible=draw(st.booleans()),
            cluster=draw(clusters),
            device_type=draw(st.sampled_from([None, None, "A", "B"])),
            replicas=draw(st.integers(1, 2)),
        )
        for number in range(draw(st.integers(0, 8)))
    ]


def begun(queue: list[Request], starts: dict[str, tuple[str, ...]], since: float = 0) -> list[Holding]:
    return [request.held(starts[request.key], since) for request in queue if request.key in starts]


def over(held: list[Holding], limits: Limits) -> list[str]:
    """Every limit that is exceeded, in words."""
    firm = [one for one in held if not one.preemptible]
    scopes = [(limits.machine, held), (limits.rest, [one for one in firm if one.cluster is None])]
    scopes += [(quota, [one for one in held if one.group == group]) for group, quota in limits.groups.items()]
    scopes += [(share.quota, [one for one in held if one.cluster == name]) for name, share in limits.clusters.items()]
    return [
        f"{name} of {quota}"
        for quota, members in scopes
        for name in ("cpu", "memory", "gpu", "jobs")
        if (limit := getattr(quota, name)) is not None and sum(getattr(one.amount, name) for one in members) > limit
    ]


@given(machines(), queues(), queues("later"))
def test_no_limit_is_ever_exceeded_and_a_device_has_one_holder(
    limits: Limits, first: list[Request], second: list[Request]
) -> None:
    held = begun(first, admit(first, [], limits).starts)
    held += begun(second, admit(second, held, limits).starts, 1)
    devices = [device for one in held for device in one.devices]
    assert not over(held, limits)
    assert len(devices) == len(set(devices))
    assert all(len(one.devices) == one.amount.gpu for one in held)


@given(machines(), queues())
def test_devices_are_of_the_type_and_the_cluster_asked_for(limits: Limits, queue: list[Request]) -> None:
    starts = admit(queue, [], limits).starts
    for request in queue:
        for device in starts.get(request.key, ()):
            assert request.device_type in (None, TYPES[device])
            assert limits.pools[device] == request.cluster or (request.preemptible and request.cluster is None)


@given(machines(), queues(), queues("later"))
def test_only_what_is_preemptible_is_sent_away_and_what_goes_is_enough(
    limits: Limits, first: list[Request], second: list[Request]
) -> None:
    held = begun(first, admit(first, [], limits).starts)
    admission = admit(second, held, limits)
    gone = [one for one in held if one.key in admission.preempts]
    assert all(one.preemptible for one in gone)
    left = [one for one in held if one.key not in admission.preempts] + begun(second, admission.starts)
    promised = set(admission.preempts.values())
    assert promised <= set(admit([one for one in second if one.key not in admission.starts], left, limits).starts)


@given(machines(), queues(), queues("later"))
def test_nobody_is_sent_away_for_nothing(limits: Limits, first: list[Request], second: list[Request]) -> None:
    held = begun(first, admit(first, [], limits).starts)
    admission = admit(second, held, limits)
    for request in second:
        alone = admit([request], held, limits)
        victims = [one for one in held if one.key in alone.preempts]
        for spared in victims:
            fewer = [one for one in held if one not in victims or one is spared]
            assert request.key not in admit([request], fewer, limits).starts
    assert all(admission.wait(key) is not None for key in admission.preempts.values())


@given(machines(), queues(), queues("later"))
def test_what_was_asked_to_stop_is_waited_for_before_more_is_sent_away(
    limits: Limits, first: list[Request], second: list[Request]
) -> None:
    held = begun(first, admit(first, [], limits).starts)
    admission = admit(second, held, limits)
    waiting = [one for one in second if one.key not in admission.starts]
    held = [replace(one, ending=one.key in admission.preempts) for one in held] + begun(second, admission.starts)
    assert not admit(waiting, held, limits).preempts


@given(machines(), queues())
def test_a_queue_that_is_kept_decides_like_one_that_is_made_anew(limits: Limits, queue: list[Request]) -> None:
    kept = Queue()
    for request in reversed(queue):
        kept.put(replace(request, priority=1))
        kept.put(request)
    kept.put(one("gone"))
    kept.drop("gone")
    assert admit(kept, [], limits).starts == admit(queue, [], limits).starts
    assert admit(kept, [], limits).waits == admit(queue, [], limits).waits


# -- a simulation: nothing starves -------------------------------------------------------------------------------------------


@dataclass
class Day:
    """A machine over time: whoever runs uses the time limit to its end, which is as bad as it gets."""

    limits: Limits
    time: float = 0
    queue: list[Request] = field(default_factory=list)
    held: list[Holding] = field(default_factory=list)
    came: dict[str, float] = field(default_factory=dict)

    def settle(self) -> None:
        """Admit until nothing changes; what is preempted stops at once and goes back into the queue."""
        while True:
            self.held = [one for one in self.held if one.ends is None or one.ends > self.time]
            admission = admit(self.queue, self.held, self.limits)
            assert not over(self.held, self.limits)
            for victim in [one for one in self.held if one.key in admission.preempts]:
                self.held.remove(victim)
                self.queue.append(Request(victim.key, victim.person, victim.group, victim.amount, preemptible=True, seconds=5))
            for request in [one for one in self.queue if one.key in admission.starts]:
                self.queue.remove(request)
                ends = self.time + (request.seconds or 0)
                self.held.append(request.held(admission.starts[request.key], self.time, ends))
            if not admission.starts and not admission.preempts:
                return

    def entitled(self) -> list[str]:
        """Those who wait although their group would stay within its guarantee with them and all in front of them."""
        found = []
        for group, guarantee in self.limits.guaranteed.items():
            used = sum((one.amount for one in self.held if one.group == group and not one.preemptible), Amount())
            for request in sorted((one for one in self.queue if one.group == group), key=lambda one: one.turn):
                used = used + request.amount
                within = all(getattr(used, name) <= getattr(guarantee, name) for name in ("cpu", "memory", "gpu"))
                if request.preemptible or not within:
                    break
                found.append(request.key)
        return found


@st.composite
def arrivals(draw: st.DrawFn) -> list[tuple[int, Request]]:
    """When each comes, and how long it may run."""
    found = []
    for number in range(draw(st.integers(1, 25))):
        asked = Amount(draw(st.integers(1, 4)), draw(st.integers(1, 4)), draw(st.integers(0, 2)), 1)
        at = draw(st.integers(0, 3 * LONGEST))
        found.append(
            (
                at,
                Request(
                    f"job-{number}",
                    person=number,
                    group=draw(st.sampled_from([1, 2, 3, 3, None])),
                    amount=asked,
                    priority=draw(st.integers(99, 101)),
                    submitted=at,
                    preemptible=draw(st.sampled_from([False, False, True])),
                    seconds=draw(st.integers(1, LONGEST)),
                ),
            )
        )
    return found


@settings(max_examples=60)
@given(arrivals(), st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 2)))
def test_whoever_is_within_the_guarantee_starts_within_the_longest_time_limit(
    coming: list[tuple[int, Request]], first: tuple[int, int, int]
) -> None:
    cpu, memory, gpu = first
    limits = Limits(
        MACHINE, CARDS, guaranteed={1: Amount(cpu, memory, gpu), 2: Amount(8 - cpu, 8 - memory, 4 - gpu)}
    )  # fmt: skip
    day, entitled_since = Day(limits), dict[str, float]()
    for time in range(6 * LONGEST):
        day.time = time
        day.queue += [request for at, request in coming if at == time]
        day.settle()
        entitled = day.entitled()
        entitled_since = {key: entitled_since.get(key, time) for key in entitled}
        assert all(time - since <= LONGEST for since in entitled_since.values()), day


# -- examples, with the numbers people read -----------------------------------------------------------------------------------


def test_those_who_may_not_be_preempted_go_first_then_priority_then_time() -> None:
    queue = [
        one("preemptible", preemptible=True, priority=200),
        one("late", submitted=2),
        one("early", submitted=1),
        one("urgent", submitted=3, priority=101),
    ]
    assert list(admit(queue, [], Limits(Quota(cpu=0))).waits) == ["urgent", "early", "late", "preemptible"]


def test_a_gang_starts_whole_or_not_at_all() -> None:
    limits = Limits(Quota(cpu=4, memory=8, gpu=2), ("x", "y"))
    assert admit([one("two", gpu=1, replicas=2)], [], limits).starts == {"two": ("x", "y")}
    wait = admit([one("three", gpu=1, replicas=3)], [], limits).wait("three")
    assert wait is not None
    assert wait.shortage.sentence() == "The machine has 2 GPUs; 0 in use, 3 asked for."


def test_within_the_guarantee_goes_before_an_earlier_borrower() -> None:
    limits = Limits(Quota(cpu=4, memory=8), guaranteed={2: Amount(cpu=4, memory=8)})
    assert list(admit([one("borrower", 1, submitted=1), one("owner", 2, cpu=4, submitted=2)], [], limits).starts) == ["owner"]


def test_what_is_idle_may_be_borrowed() -> None:
    limits = Limits(Quota(cpu=4, memory=8), guaranteed={2: Amount(cpu=4, memory=8)})
    assert list(admit([one("borrower", 1, cpu=4)], [], limits).starts) == ["borrower"]


def test_while_an_owner_waits_nobody_borrows_what_is_guaranteed_to_anybody() -> None:
    limits = Limits(Quota(cpu=8, memory=8), guaranteed={2: Amount(cpu=4, memory=4), 3: Amount(cpu=2, memory=2)})
    held = [Holding(1, 1, Amount(cpu=5, memory=1, jobs=1))]
    admission = admit([one("owner", 2, cpu=4, submitted=2), one("borrower", 1, submitted=1)], held, limits)
    assert not admission.starts
    wait = admission.wait("borrower")
    assert wait is not None
    assert (wait.place, wait.shortage.used, wait.shortage.reserved) == (2, 8, 3)


def test_the_newest_preemptible_jobs_are_stopped_and_no_more_than_needed() -> None:
    limits = Limits(Quota(cpu=4, memory=8))
    held = [Holding(1, 1, Amount(cpu=1, memory=1, jobs=1), key=f"p{n}", preemptible=True, since=n) for n in range(4)]
    assert sorted(admit([one("owner", 2, cpu=2)], held, limits).preempts) == ["p2", "p3"]


def test_one_large_preemptible_job_is_stopped_rather_than_two_small_ones() -> None:
    limits = Limits(Quota(cpu=4, memory=8))
    held = [Holding(1, 1, Amount(cpu=2, memory=1, jobs=1), key="large", preemptible=True, since=0)]
    held += [Holding(1, 1, Amount(cpu=1, memory=1, jobs=1), key=f"p{n}", preemptible=True, since=n) for n in (1, 2)]
    assert list(admit([one("owner", 2, cpu=2)], held, limits).preempts) == ["large"]


def test_preemptible_jobs_use_what_others_wait_for_but_not_what_is_promised() -> None:
    limits = Limits(Quota(cpu=4, memory=8))
    firm = Holding(1, 1, Amount(cpu=2, memory=1, jobs=1), key="firm")
    queue = [one("large", 2, cpu=4), one("filler", 1, preemptible=True)]
    assert list(admit(queue, [firm], limits).starts) == ["filler"]
    leaving = replace(firm, preemptible=True, ending=True)
    admission = admit(queue, [leaving], limits)
    assert not admission.starts
    wait = admission.wait("large")
    assert wait is not None
    assert wait.promised


def test_a_preemptible_job_sends_nobody_away() -> None:
    limits = Limits(Quota(cpu=1, memory=8))
    held = [Holding(1, 1, Amount(cpu=1, memory=1, jobs=1), key="first", preemptible=True)]
    assert not admit([one("second", preemptible=True, priority=1000)], held, limits).preempts


def test_a_virtual_cluster_keeps_its_share_and_its_devices() -> None:
    limits = Limits(MACHINE, CARDS, types=TYPES, clusters={"lab": Share(Quota(cpu=4, memory=4, gpu=2), ("a0", "a1"))})
    queue = [
        one("outside", gpu=2, submitted=1),
        one("more", gpu=1, submitted=2),
        one("inside", gpu=2, cluster="lab", submitted=3),
    ]
    admission = admit(queue, [], limits)
    assert admission.starts == {"outside": ("b0", "b1"), "inside": ("a0", "a1")}
    wait = admission.wait("more")
    assert wait is not None
    assert wait.shortage.sentence() == "Outside its virtual clusters the machine has 2 GPUs; 2 in use, 1 asked for."


def test_each_person_has_a_maximum_in_a_virtual_cluster() -> None:
    lab = Share(Quota(cpu=4, memory=4, gpu=2), ("a0", "a1"), Quota(gpu=1))
    wait = admit([one("x", gpu=2, cluster="lab")], [], Limits(MACHINE, CARDS, clusters={"lab": lab})).wait("x")
    assert wait is not None
    assert wait.shortage.sentence() == "The virtual cluster lab allows each person 1 GPUs; 0 in use, 2 asked for."


def test_preemptible_jobs_use_idle_clusters_until_their_owner_comes() -> None:
    lab = Share(Quota(cpu=4, memory=4, gpu=2), ("a0", "a1"))
    limits = Limits(MACHINE, CARDS, types=TYPES, clusters={"lab": lab})
    queue = [one(f"p{n}", cpu=2, memory=2, gpu=1, preemptible=True, submitted=n) for n in range(4)]
    starts = admit(queue, [], limits).starts
    assert sorted(device for devices in starts.values() for device in devices) == sorted(CARDS)
    held = begun(queue, starts)
    preempted = admit([one("inside", gpu=1, cluster="lab")], held, limits).preempts
    assert [one.devices for one in held if one.key in preempted] == [("a0",)] or len(preempted) == 1


def test_a_gpu_of_a_type_is_told_by_its_name() -> None:
    held = [Holding(1, 1, Amount(gpu=2), ("a0", "a1"))]
    wait = admit([one("x", gpu=1, device_type="A")], held, Limits(MACHINE, CARDS, types=TYPES)).wait("x")
    assert wait is not None
    assert wait.shortage.sentence() == "The machine has 2 GPUs of type A; 2 in use, 1 asked for."


def test_several_gpus_are_of_one_type_where_that_can_be() -> None:
    held = [Holding(1, 1, Amount(gpu=1), ("a0",))]
    assert admit([one("x", gpu=2)], held, Limits(MACHINE, CARDS, types=TYPES)).starts == {"x": ("b0", "b1")}


def test_a_cluster_that_is_gone_starts_nothing() -> None:
    wait = admit([one("x", cluster="gone")], [], Limits(MACHINE)).wait("x")
    assert wait is not None
    assert wait.shortage.scope is Scope.CLUSTER


SIZES = [PackageSize(f"{n}Core{n}G", n, n * GIB) for n in (1, 2, 4, 8)]


def test_the_largest_package_that_would_start_now_is_told() -> None:
    limits = Limits(Quota(cpu=8, memory=8 * GIB))
    held = [Holding(1, 1, Amount(cpu=5, memory=GIB))]
    large = one("large", cpu=8, memory=8 * GIB)
    found = startable(large, SIZES, Queue([large]), Facts(held, limits))
    assert found is not None
    assert found.name == "2Core2G"


def test_one_behind_another_could_start_only_with_what_that_one_leaves() -> None:
    limits = Limits(Quota(cpu=8, memory=8 * GIB))
    held = [Holding(1, 1, Amount(cpu=5, memory=GIB))]
    first, second = one("first", cpu=8, memory=8 * GIB, submitted=1), one("second", cpu=8, memory=8 * GIB, submitted=2)
    assert startable(second, SIZES, Queue([first, second]), Facts(held, limits)) is None


@pytest.mark.parametrize(("ends", "latest"), [(50.0, 150.0), (None, None)])
def test_the_wait_is_bounded_by_the_time_limits_of_what_runs_and_of_those_in_front(
    ends: float | None, latest: float | None
) -> None:
    limits = Limits(Quota(cpu=4, memory=8))
    held = [Holding(1, 1, Amount(cpu=4, memory=1), key="running", ends=ends)]
    queue = Queue([one("first", cpu=4, submitted=1, seconds=100), one("second", cpu=4, submitted=2, seconds=7)])
    second = queue.get("second")
    assert second is not None
    assert at_latest(second, queue, Facts(held, limits), now=10) == latest


def test_nothing_bounds_the_wait_of_one_who_may_be_preempted() -> None:
    request = one("x", preemptible=True)
    assert at_latest(request, Queue([request]), Facts((), Limits(Quota(cpu=4, memory=8))), now=0) is None
