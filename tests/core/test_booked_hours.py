"""Booked, measured and idle hours of a month: added up from bookings, cut at its ends, never more than there is."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trainyard.quotas.hours import Booking, Hours, Meter, Month, MonthHours, metered, months

OCTOBER = Month(2026, 10)
BEGIN, END = OCTOBER.begin.timestamp(), OCTOBER.end.timestamp()
HOUR = 3600.0

moments = st.integers(int(BEGIN - 40 * 86400), int(END + 40 * 86400))
samples = st.lists(st.tuples(moments, st.none() | st.floats(0, 8)), max_size=30)


@st.composite
def bookings(draw: st.DrawFn) -> Booking:
    since, until = draw(moments), draw(moments)
    devices = draw(st.dictionaries(st.sampled_from(["cpu", "A100", "V100"]), st.integers(1, 8)))
    cores, cards = (metered(draw(samples), since, until, 0.05) for _ in range(2))
    return Booking(draw(st.integers(1, 3)), draw(st.sampled_from([None, 1, 2])), devices, since, until, cores, cards)


def test_a_month_is_what_its_name_says() -> None:
    assert Month.named("2026-12").end == datetime(2027, 1, 1, tzinfo=UTC)
    assert Month.named("2028-02").end.timestamp() - Month.named("2028-02").begin.timestamp() == 29 * 86400
    assert Month.at(END - 1) == OCTOBER < Month.at(END)


@pytest.mark.parametrize("name", ["", "2026", "2026-13", "2026-00", "0000-01", "9999-12", "2026-1", "2026-10-01", "10-2026"])
def test_what_is_no_month_is_none(name: str) -> None:
    with pytest.raises(ValueError, match=r"month|year"):
        Month.named(name)


def test_cores_and_cards_of_one_start_are_booked_by_their_hours() -> None:
    one = Booking(7, 1, {"cpu": 4, "A100": 2}, BEGIN, BEGIN + 10 * HOUR, Meter(9 * HOUR, HOUR), Meter(8 * HOUR, 4 * HOUR))
    assert MonthHours.of(OCTOBER, [one]).accounts == {
        (1, 7, "cpu"): Hours(booked=40, measured=36, idle=4),
        (1, 7, "A100"): Hours(booked=20, measured=16, idle=8),
    }


def test_only_what_lies_in_the_month_is_booked() -> None:
    around = Booking(7, 1, {"cpu": 1}, BEGIN - 5 * HOUR, END + 5 * HOUR)
    before = Booking(7, 1, {"cpu": 1}, BEGIN - 5 * HOUR, BEGIN)
    after = Booking(7, 1, {"cpu": 1}, END, END + HOUR)
    found = MonthHours.of(OCTOBER, [before, around, after])
    assert found.accounts[1, 7, "cpu"].booked == 31 * 24


def test_of_starts_without_samples_nothing_is_said_to_be_idle() -> None:
    found = MonthHours.of(OCTOBER, [Booking(7, None, {"cpu": 2}, BEGIN, BEGIN + HOUR)])
    assert found.accounts[None, 7, "cpu"] == Hours(booked=2, measured=0, idle=0)


def test_idle_is_the_time_in_which_next_to_nothing_was_done() -> None:
    told = [(0.0, None), (10.0, 2.0), (20.0, 0.01), (30.0, None), (50.0, 0.0), (60.0, 0.05)]
    assert metered(told, 0.0, 100.0, 0.05) == Meter(measured=50.0, idle=30.0)
    assert metered(told, 15.0, 45.0, 0.05) == Meter(measured=20.0, idle=20.0)


def test_a_clock_that_was_set_back_counts_nothing_twice() -> None:
    assert metered([(0.0, None), (100.0, 0.0), (50.0, 0.0), (90.0, 0.0), (110.0, 0.0)], 0.0, 200.0, 0.05) == Meter(110.0, 110.0)


def test_a_span_touches_its_months() -> None:
    assert [one.name for one in months(BEGIN - 1, END + 1)] == ["2026-09", "2026-10", "2026-11"]
    assert [one.name for one in months(BEGIN, END)] == ["2026-10"]


@given(st.lists(bookings(), max_size=12))
def test_no_hour_is_lost_or_made_and_idle_is_never_more_than_measured_or_booked(some: list[Booking]) -> None:
    found = MonthHours.of(OCTOBER, some)
    held = [max(0.0, min(one.until, END) - max(one.since, BEGIN)) / HOUR * sum(one.devices.values()) for one in some]
    assert sum(hours.booked for hours in found.accounts.values()) == pytest.approx(sum(held))
    for hours in found.accounts.values():
        assert 0 <= hours.idle <= hours.measured + 1e-9 <= hours.booked + 2e-9


@given(samples, moments, moments)
def test_months_side_by_side_measure_what_the_whole_span_does(
    told: list[tuple[float, float | None]], one: int, other: int
) -> None:
    since, until = min(one, other), max(one, other)
    parts = [
        metered(told, max(since, month.begin.timestamp()), min(until, month.end.timestamp()), 0.05)
        for month in months(since, until)
    ]
    whole = metered(told, since, until, 0.05)
    assert sum(part.measured for part in parts) == pytest.approx(whole.measured)
    assert sum(part.idle for part in parts) == pytest.approx(whole.idle)
