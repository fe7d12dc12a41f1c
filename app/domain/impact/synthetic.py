"""Synthetic difference-in-differences and outcome-only synthetic control: the weights and the point estimates.

Sources: Arkhangelsky, Athey, Hirshberg, Imbens, Wager (2021, doi:10.1257/aer.20190159), equations 1 to 6, with the
penalties of its R package; Abadie, Diamond, Hainmueller (2010, doi:10.1198/jasa.2009.ap08746), here on outcomes alone,
which makes the problem convex: one answer, whatever the start. Inference is in `placebo_inference`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from app.domain.errors import Fault, Invalid
from app.domain.impact.linear import FloatArray
from app.domain.impact.simplex import simplex_weights

MOST_DONORS = 1000
_LEAST_DONORS = 2
_LEAST_PERIODS = 2
_NO_PENALTY = 1e-6


class Method(StrEnum):
    """Which weights are put on donors and on periods."""

    SDID = "sdid"
    SYNTHETIC_CONTROL = "synthetic_control"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Block:
    """Balanced outcomes: `donors` (J x T) and `treated` (N1 x T) over the same periods; exposure begins at `before`.

    `donor_names` (J) and `periods` (T) label the rows and columns.
    """

    donors: FloatArray
    treated: FloatArray
    before: int
    donor_names: tuple[str, ...]
    periods: tuple[int | str, ...]

    @property
    def after(self) -> int:
        """The number of exposed periods."""
        return int(self.donors.shape[1]) - self.before

    def without(self, donor: int) -> Block:
        """Return the block without one donor."""
        names = self.donor_names[:donor] + self.donor_names[donor + 1 :]
        return replace(self, donors=np.delete(self.donors, donor, axis=0), donor_names=names)

    def pretending(self, donors: tuple[int, ...]) -> Block:
        """Return the block in which these donors are the treated, and the treated are left out."""
        at = list(donors)
        names = tuple(name for j, name in enumerate(self.donor_names) if j not in donors)
        return replace(self, treated=self.donors[at], donors=np.delete(self.donors, at, axis=0), donor_names=names)

    def earlier(self, before: int) -> Block:
        """Return the unexposed periods only, as if exposure had begun at period `before`."""
        end = self.before
        return replace(
            self,
            donors=self.donors[:, :end],
            treated=self.treated[:, :end],
            before=before,
            periods=self.periods[:end],
        )


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """The estimate (`value`), weights of donors (J) and of unexposed periods, and treated minus synthetic, per period.

    In `gap` (T) the weighted mean of the unexposed periods is taken off under SDID, so the mean of its exposed part is
    `value` under both methods.
    """

    value: float
    donor_weights: FloatArray
    period_weights: FloatArray
    gap: FloatArray
    before: int

    @property
    def mspe_before(self) -> float:
        """The mean squared gap of the unexposed periods, about its level where the method allows one."""
        return float((self.gap[: self.before] ** 2).mean())

    @property
    def mspe_ratio(self) -> float:
        """The mean squared gap after exposure over the one before."""
        after = float((self.gap[self.before :] ** 2).mean())
        before = self.mspe_before
        return after / before if before > 0.0 else float("inf")


def checked(block: Block) -> Block:
    """Return the block if weights can be computed from it.

    Raises `Invalid`: `not_finite`, `none_treated`, `too_few_donors`, `too_many_donors`, `too_few_periods`,
    `constant_outcome`.
    """
    faults = []
    donors = block.donors.shape[0]
    if not (np.isfinite(block.donors).all() and np.isfinite(block.treated).all()):
        faults.append(Fault("not_finite", "every unit needs a finite outcome in every period"))
    if block.treated.shape[0] == 0:
        faults.append(Fault("none_treated", "no unit is exposed"))
    if donors < _LEAST_DONORS:
        faults.append(Fault("too_few_donors", f"{donors} units are never exposed, at least {_LEAST_DONORS} are needed"))
    if donors > MOST_DONORS:
        faults.append(Fault("too_many_donors", f"{donors} donors, at most {MOST_DONORS}: choose comparable ones"))
    if block.before < _LEAST_PERIODS or block.after < 1:
        faults.append(
            Fault("too_few_periods", f"{block.before} periods before exposure and {block.after} after, need 2 and 1")
        )
    if not faults and float(np.ptp(block.donors)) == 0.0:
        faults.append(Fault("constant_outcome", "the outcome never varies among the donors"))
    if faults:
        raise Invalid(f"No synthetic control can be built: {faults[0].detail}.", errors=tuple(faults))
    return block


def fit(block: Block, method: Method) -> Fit:
    """Return the weights and the estimate for the mean of the treated units."""
    start = block.before
    treated = block.treated.mean(axis=0)
    before = block.donors[:, :start]
    noise = _noise(before)
    if method is Method.SDID:
        after = block.donors[:, start:].mean(axis=1)
        period_weights = _balanced(before, after, zeta=_NO_PENALTY * noise)
        zeta = (block.treated.shape[0] * block.after) ** 0.25 * noise
        donor_weights = _balanced(before.T, treated[:start], zeta=zeta)
    else:
        period_weights = np.zeros(start)
        donor_weights = simplex_weights(before.T, treated[:start], ridge=start * (_NO_PENALTY * noise) ** 2)
    raw = treated - donor_weights @ block.donors
    gap = raw - period_weights @ raw[:start]
    return Fit(float(gap[start:].mean()), donor_weights, period_weights, gap, start)


def _balanced(features: FloatArray, target: FloatArray, *, zeta: float) -> FloatArray:
    """Return simplex weights on the columns of `features` (n x k) that follow `target` (n) up to a constant."""
    return simplex_weights(features - features.mean(axis=0), target - target.mean(), ridge=features.shape[0] * zeta**2)


def _noise(before: FloatArray) -> float:
    """Return the standard deviation of the donors' first differences; of their levels where those never vary."""
    changes = np.diff(before, axis=1)
    spread = float(changes.std(ddof=1)) if changes.size > 1 else 0.0
    return spread if spread > 0.0 else max(float(before.std()), 1.0)
