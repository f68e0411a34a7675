"""The population stability index: an index of distance, and a guard that knows how far luck goes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import chi2

from models.population_stability import (
    Floats,
    at_mix_of,
    population_stability_index,
    share_interval,
    stability,
)

CELLS = 6
counts = arrays(np.float64, CELLS, elements=st.integers(0, 5_000).map(float)).filter(lambda cells: cells.sum() > 0)


@given(counts, counts)
def test_it_is_symmetric_finite_and_never_negative(one: Floats, other: Floats) -> None:
    index = float(population_stability_index(one, other))
    assert index == pytest.approx(float(population_stability_index(other, one)), abs=1e-12)
    assert np.isfinite(index)
    assert index >= -1e-12


@given(counts, st.integers(1, 20))
def test_the_same_shares_lie_at_nought_whatever_the_sizes(cells: Floats, times: int) -> None:
    assert float(population_stability_index(cells, cells * times)) == pytest.approx(0.0, abs=1e-9)


@given(counts, counts, st.permutations(range(CELLS)))
def test_the_order_of_the_cells_does_not_matter(one: Floats, other: Floats, order: list[int]) -> None:
    index = population_stability_index(one, other)
    assert float(population_stability_index(one[order], other[order])) == pytest.approx(float(index), abs=1e-9)


def test_on_large_samples_it_is_the_formula_of_the_books() -> None:
    shares = np.array([0.1, 0.2, 0.7]), np.array([0.3, 0.3, 0.4])
    expected = sum((p - q) * np.log(p / q) for p, q in zip(*shares, strict=True))
    assert float(population_stability_index(*(share * 1e7 for share in shares))) == pytest.approx(expected, rel=1e-4)


def test_an_empty_cell_counts_and_cells_that_both_lack_do_not() -> None:
    index = float(population_stability_index(np.array([100.0, 0.0]), np.array([80.0, 20.0])))
    assert 0.25 < index < 2
    wider = np.array([100.0, 0.0, 0.0]), np.array([80.0, 20.0, 0.0])
    assert float(population_stability_index(*wider)) == pytest.approx(index, rel=0.1)


def test_the_reference_takes_the_windows_mix_of_strata() -> None:
    window = np.array([[30.0, 0.0], [0.0, 10.0]])
    reference = np.array([[10.0, 10.0], [0.0, 80.0]])
    weighed = at_mix_of(window, reference)
    np.testing.assert_allclose(weighed / weighed.sum(), [0.375, 0.625])
    assert weighed.sum() == pytest.approx(40**2 / (30**2 / 20 + 10**2 / 80))  # three quarters rest on 20 rows


def test_with_a_single_stratum_the_reference_stays_as_it_is() -> None:
    np.testing.assert_allclose(at_mix_of(np.array([[5.0, 1.0]]), np.array([[20.0, 60.0]])), [20.0, 60.0])


def test_strata_that_are_mixed_anew_but_alike_within_lie_at_nought() -> None:
    within = np.array([[10, 90], [80, 20]])
    found = stability(within * np.array([[50], [1]]), within * 20, level=0.01, draws=200)
    assert found.psi == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(("window", "reference"), [(2_000, 3_000), (500, 50_000)])
def test_on_large_samples_luck_is_what_the_chi_square_distribution_says(window: int, reference: int) -> None:
    shares = np.array([0.1, 0.2, 0.3, 0.4])
    found = stability(
        np.array([shares * window], dtype=np.int64), np.array([shares * reference], dtype=np.int64), level=0.05
    )
    expected = chi2.ppf(0.95, len(shares) - 1) * (1 / window + 1 / reference)
    assert found.luck == pytest.approx(expected, rel=0.08)
    assert not found.beyond_luck


def test_the_same_counts_give_the_same_luck_and_more_rows_less() -> None:
    cells = np.array([[20, 30, 50]])
    first, again, more = (stability(cells * times, cells * 40, level=0.01) for times in (1, 1, 10))
    assert first == again
    assert more.luck < first.luck / 5


@given(st.integers(1, 100_000).flatmap(lambda whole: st.tuples(st.integers(0, whole), st.just(whole))))
def test_an_interval_holds_its_share(part_of: tuple[int, int]) -> None:
    part, whole = part_of
    low, high = share_interval(part, whole)
    assert 0 <= low <= part / whole + 1e-12
    assert part / whole - 1e-12 <= high <= 1


def test_intervals_are_wilsons() -> None:
    assert share_interval(10, 100) == pytest.approx((0.0552, 0.1744), abs=1e-4)
    assert share_interval(0, 0) == (0.0, 1.0)
