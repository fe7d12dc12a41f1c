"""Rollouts: waves dealt by chance, their balance, and the effect that each design could show."""

from dataclasses import replace

import numpy as np
import pytest

from app.domain.errors import Invalid
from app.domain.impact.rollout import Outlook, designs, randomise, smallest_effect

UNITS = tuple(f"team {at}" for at in range(40))
SITES = tuple("north" if at < 25 else "south" for at in range(40))
OUTLOOK = Outlook(periods=24, rho=0.5, cluster_size=10, icc=0.2)


def test_the_same_seed_deals_the_same_waves_and_another_seed_others():
    first, same, other = (randomise(UNITS, 4, generator=np.random.default_rng(seed)) for seed in (1, 1, 2))

    assert first == same
    assert first.waves != other.waves


@pytest.mark.parametrize("waves", [1, 2, 3, 4, 7])
def test_waves_differ_by_one_unit_at_most_overall_and_within_strata(waves):
    dealt = randomise(UNITS, waves, generator=np.random.default_rng(3), strata=SITES)

    assert sum(dealt.sizes) == 40
    assert max(dealt.sizes) - min(dealt.sizes) <= 1
    for site in ("north", "south"):
        counts = [
            sum(at == wave for at, where in zip(dealt.waves, SITES, strict=True) if where == site)
            for wave in range(waves)
        ]
        assert max(counts) - min(counts) <= 1


def test_every_unit_is_equally_likely_in_every_wave():
    rng = np.random.default_rng(4)
    draws = np.array([randomise(UNITS[:7], 3, generator=rng, strata=SITES[22:29]).waves for _ in range(3000)])

    shares = np.stack([(draws == wave).mean(axis=0) for wave in range(3)])
    assert shares == pytest.approx(1 / 3, abs=0.04)


def test_the_members_of_the_waves_are_the_units_once():
    dealt = randomise(UNITS, 3, generator=np.random.default_rng(5))

    assert sorted(unit for wave in range(3) for unit in dealt.members(wave)) == sorted(UNITS)


def test_the_balance_table_shows_means_and_flags_what_differs():
    size = [float(at % 5) for at in range(40)]
    dealt = randomise(UNITS, 2, generator=np.random.default_rng(6), covariates={"size": size, "same": [1.0] * 40})
    means = [np.mean([size[at] for at in range(40) if dealt.waves[at] == wave]) for wave in (0, 1)]

    by_size, same = dealt.balance
    assert by_size.means == pytest.approx(means)
    assert by_size.largest == pytest.approx(abs(means[0] - means[1]) / np.std(size), rel=0.1)
    assert by_size.flagged is (by_size.largest > 0.25)
    assert (same.largest, same.flagged) == (0.0, False)


def test_half_now_and_half_never_is_the_two_by_two_comparison_of_means():
    found = smallest_effect([12] * 100 + [None] * 100, Outlook(periods=24, rho=0.5))

    assert found == pytest.approx(0.256, abs=0.0015)


def test_at_once_shows_nothing_and_says_why():
    [at_once, *others] = designs(40, OUTLOOK, first_start=6, step=3)

    assert at_once.smallest_effect is None
    assert "nobody to compare with" in at_once.reason
    assert all(other.smallest_effect > 0 and other.reason is None for other in others)


def test_a_stepped_wedge_ends_where_nobody_waits():
    offers = {offer.name: offer for offer in designs(40, OUTLOOK, first_start=6, step=3)}

    wedge = offers["stepped_wedge_3"]
    assert wedge.starts == (6, 9, 12)
    assert wedge.sizes == (14, 13, 13)
    shorter = smallest_effect([6] * 14 + [9] * 13 + [12] * 13, replace(OUTLOOK, periods=12))
    assert wedge.smallest_effect == pytest.approx(shorter)


def test_more_waves_show_smaller_effects_here():
    effects = [offer.smallest_effect for offer in designs(40, OUTLOOK, first_start=6, step=3) if "wedge" in offer.name]

    assert effects == sorted(effects, reverse=True)


def test_the_detectable_effect_has_that_power_in_a_simulated_stepped_wedge():
    rng = np.random.default_rng(7)
    starts = np.repeat([4, 6, 8], 20)
    outlook = Outlook(periods=8, rho=0.5)
    effect = smallest_effect([int(start) for start in starts], outlook)
    exposed = (np.arange(8)[None, :] >= starts[:, None]).astype(float)
    rest = exposed - exposed.mean(axis=0) - exposed.mean(axis=1, keepdims=True) + exposed.mean()
    root = np.linalg.cholesky(0.5 ** np.abs(np.subtract.outer(np.arange(8), np.arange(8))))
    noise = rng.normal(size=(1500, 60, 8)) @ root.T
    estimates = (noise * rest).sum(axis=(1, 2)) / (rest**2).sum()

    assert (np.abs(estimates + effect) > 2.0 * estimates.std()).mean() == pytest.approx(0.80, abs=0.03)


def test_larger_teams_add_little_where_teams_differ():
    alike, apart = (replace(OUTLOOK, icc=icc) for icc in (0.0, 0.5))
    starts = [6] * 20 + [None] * 20

    gain = [
        smallest_effect(starts, replace(one, cluster_size=40)) / smallest_effect(starts, one) for one in (alike, apart)
    ]
    assert gain[0] == pytest.approx(0.5)
    assert gain[1] > 0.9


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"units": ("a",), "waves": 2}, "too_few_units"),
        ({"units": ("a", "a", "b"), "waves": 2}, "duplicate_unit"),
        ({"units": ("a", "b", "c"), "waves": 2, "strata": ("x",)}, "length_differs"),
        ({"units": ("a", "b"), "waves": 2, "covariates": {"size": (1.0, float("nan"))}}, "not_finite"),
    ],
)
def test_units_that_cannot_be_dealt_are_refused(arguments, code):
    with pytest.raises(Invalid) as refused:
        randomise(arguments.pop("units"), arguments.pop("waves"), generator=np.random.default_rng(8), **arguments)
    assert refused.value.errors[0].code == code


@pytest.mark.parametrize("changed", [{"sd": 0.0}, {"icc": 2.0}, {"rho": 1.0}, {"cluster_size": 0.0}])
def test_an_impossible_outlook_is_refused(changed):
    with pytest.raises(Invalid):
        smallest_effect([6, None], replace(OUTLOOK, **changed))


def test_the_first_wave_needs_a_period_before_it():
    with pytest.raises(Invalid):
        designs(40, OUTLOOK, first_start=0)
    with pytest.raises(Invalid):
        designs(3, OUTLOOK, first_start=6)
