"""Numbers as text: one rounding, and a reason where there is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billp.experiments.stats.intervals import Estimate
from billp.experiments.stats.numbers import fixed, share, shares, signed, signed_interval, with_interval


@pytest.mark.parametrize(
    ("number", "digits", "text"),
    [(21.25, 1, "21.3"), (21.24, 1, "21.2"), (0.125, 2, "0.13"), (-0.004, 2, "0.00"),
     (-21.25, 1, "-21.3"), (2.5, 0, "3")],
)  # fmt: skip
def test_halves_are_rounded_up_as_browsers_do_and_no_zero_has_a_sign(number: float, digits: int, text: str):
    assert fixed(number, digits) == text


@given(st.floats(-1e6, 1e6), st.integers(0, 4))
def test_a_rounded_number_is_near_and_has_its_digits(number: float, digits: int):
    text = fixed(number, digits)
    assert abs(float(text) - number) <= 0.5 * 10**-digits + 1e-9
    assert len(text.partition(".")[2]) == digits


def test_signs():
    assert [signed(number, 2) for number in (1.2, -1.2, 0.001, -0.001)] == ["+1.20", "-1.20", "0.00", "0.00"]


def test_intervals_and_what_stands_where_there_is_none():
    known = Estimate(mean=1.26, ci95=(-0.5, 2))
    assert (with_interval(known, 1), signed_interval(known, 1)) == ("1.3 [-0.5, 2.0]", "+1.3 [-0.5, +2.0]")
    single = Estimate(mean=1.26, ci95=None, note="one seed")
    assert with_interval(single, 1) == "1.3 [-] (one seed)"
    nothing = Estimate(mean=None, ci95=None, note="none finished")
    assert with_interval(nothing, 1) == signed_interval(nothing, 1) == "- (none finished)"


def test_shares():
    assert [share(value) for value in (None, 0, 0.125, 1)] == ["-", "0%", "13%", "100%"]


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=8).filter(any))
def test_shares_of_a_whole_sum_to_100_percent(counts: list[int]):
    told = [int(each.removesuffix("%")) for each in shares(counts)]
    assert sum(told) == 100
    assert all(abs(each - 100 * count / sum(counts)) < 1 for each, count in zip(told, counts, strict=True))


def test_the_largest_remainders_are_rounded_up():
    assert shares([1, 1, 1]) == ["34%", "33%", "33%"]
    assert shares([3, 0, 5]) == ["38%", "0%", "62%"]
    assert shares([1, 1, 6]) == ["13%", "12%", "75%"]
