"""DTZ-1 and DTZ-2: the EM map of two Gaussians, its lines of derivation, and its fixed points."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from flint import acb, arb, arb_mat
from hypothesis import strategies as st
from numpy.typing import NDArray

from lemmata import impl, theory
from lemmata.checks._balls import tanh_jet
from lemmata.checks._compare import equality_search
from lemmata.checks._em import em_map_ball, problem
from lemmata.checks._grid import HALF_WIDTH, ORDER, gaussian_norm, grid_step
from lemmata.harness.balls import gaussian_mean, norm
from lemmata.harness.claim import Claim, Point
from lemmata.harness.domain import cosines, log_uniform, points, seeds, sizes
from lemmata.harness.sampling import MeanTest
from lemmata.harness.search import Search

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]

_SOURCE = "Daskalakis, Tzamos & Zampetakis 2017"

# --- DTZ-1: from (1.2) to (2.1) -------------------------------------------------------------------

_SIZES = sizes(1, 30)
_LARGE_SIZES = sizes(31, 10_000)
_SAMPLED_SIZES = sizes(1, 50)
_LENGTHS = log_uniform(1e-8, 1e2)
_GRID_LENGTHS = log_uniform(1e-8, 8.0)
_SAMPLED_LENGTHS = log_uniform(1e-2, 1e1)
_CONDITIONS = log_uniform(1.0, 1e4)
_DEVIATIONS = log_uniform(1e-8, 1e8)
_SEEDS = seeds()
_COSINES = cosines()
_ON_THE_LINE = cosines(1.0)
_KINDS = st.sampled_from(["covariance", "line", "covariance", "identity"])


@st.composite
def _anywhere(draw: st.DrawFn) -> dict[str, Any]:
    """Points of `_em.problem`; a general covariance up to d = 30, the identity beyond."""
    kind = draw(_KINDS)
    d = {"covariance": _SIZES, "line": st.just(1), "identity": _LARGE_SIZES}[kind]
    return _complete(draw, draw(d), _LENGTHS, covariance=kind != "identity")


@st.composite
def _on_a_grid(draw: st.DrawFn) -> dict[str, Any]:
    return _complete(draw, draw(st.sampled_from([1, 2])), _GRID_LENGTHS)


@st.composite
def _from_samples(draw: st.DrawFn) -> dict[str, Any]:
    return _complete(draw, draw(_SAMPLED_SIZES), _SAMPLED_LENGTHS)


def _complete(draw: Any, d: int, lengths: Any, *, covariance: bool = True) -> dict[str, Any]:
    point = {
        "d": d,
        "mu_norm": draw(lengths),
        "lam_norm": draw(lengths),
        "cos_theta": draw(_ON_THE_LINE if d == 1 else _COSINES),
    }
    if covariance:
        point |= {
            "condition": draw(_CONDITIONS),
            "deviation": draw(_DEVIATIONS),
            "seed": draw(_SEEDS),
        }
    return point


def _whitened(vector: Any, root: Array, covariance: Array | None) -> Array:
    return np.asarray(vector if covariance is None else np.linalg.solve(root, vector))


def _light(domain: Any, **settings: Any) -> Search:
    """An equality on fewer points than usual: in balls, one costs four integrals."""
    return replace(equality_search(domain, **settings), effort=0.2)


def _line_error(point: Point) -> float:
    """How far (2.1) is from (1.2) on densities, and the denominator of (1.2) from one half.

    The coordinates across lam are independent of the one along it, y, in each component, so that
    a grid over y serves any dimension.
    """
    lam, mu, covariance, root = problem(point)
    update = _whitened(theory.em_map(lam, mu, covariance), root, covariance)
    a, along, across = _plane(point)
    step, width = grid_step(a), HALF_WIDTH
    left, top_along, top_across, bottom = np.array([[a], [-a]]), 0.0, 0.0, 0.0
    for sign in (1.0, -1.0):
        y, weights = impl.mixture_grid(np.array([[sign * along]]), step=step, half_width=width)
        belief = weights * impl.em_responsibilities(y, left)[:, 0]
        top_along += float(belief @ y[:, 0]) / 2
        top_across += sign * across * float(belief.sum()) / 2
        bottom += float(belief.sum()) / 2
    white_lam = np.zeros(2)
    white_lam[0] = point["cos_theta"]
    white_lam[1] = _sine(point)
    # Unit vectors along lam and across it, in the plane of lam and mu; mu is on the first axis.
    ratio = np.zeros_like(update)
    plane = np.array([white_lam, [white_lam[1], -white_lam[0]]])[:, : min(2, update.size)]
    ratio[:2] = np.array([top_along, top_across]) / bottom @ plane
    size = float(np.linalg.norm(ratio))
    return max(float(np.linalg.norm(update - ratio)) / size, abs(2 * bottom - 1))


def _sine(point: Point) -> float:
    cosine = point["cos_theta"]
    return 0.0 if point["d"] == 1 else float(np.sqrt((1 - cosine) * (1 + cosine)))


def _plane(point: Point) -> tuple[float, float, float]:
    """The norm of lam, and the components of mu along it and across it."""
    b = point["mu_norm"]
    return point["lam_norm"], b * point["cos_theta"], b * _sine(point)


def _ball_error(point: Point) -> arb:
    """(2.1) against (1.2), and the denominator, in the plane: beliefs from densities, in balls."""
    a, b, cosine = (arb(point[name]) for name in ("lam_norm", "mu_norm", "cos_theta"))
    sine = ((1 - cosine) * (1 + cosine)).nonnegative_part().sqrt() if point["d"] > 1 else arb(0)
    along, across = b * cosine, b * sine

    def belief(y: acb) -> acb:
        return 1 / (1 + (-2 * a * y).exp())

    # abs(y) <= abs(z) + b <= abs(z) (1 + b) for abs(z) >= 9.
    bound = 1 + float(point["mu_norm"])
    tops, shares = [], []
    for centre in (along, -along):
        tops.append(gaussian_mean(lambda y: belief(y) * y, centre, arb(1), bound=bound, degree=1))
        shares.append(gaussian_mean(belief, centre, arb(1), bound=1))
    bottom = (shares[0] + shares[1]) / 2
    ratio = (tops[0] + tops[1]) / 2 / bottom, across * (shares[0] - shares[1]) / 2 / bottom
    tanh = gaussian_mean(lambda y: (a * y).tanh(), along, arb(1), bound=1)
    update = em_map_ball(a, along), across * tanh
    error = norm(update[0] - ratio[0], update[1] - ratio[1]) / norm(*ratio)
    return error.max(abs(2 * bottom - 1))


def _map_noise(point: Point) -> float:
    """Sums over the mixture cancel to a result of the size of lam; whitening costs digits."""
    a, b = point["lam_norm"], point["mu_norm"]
    size = min(a, 0.5) * (1 + b * b * point["cos_theta"] ** 2) ** 0.5
    rounding = 2e-14 * (1 + b) / size
    return float(1e-10 + rounding + 1e-13 * point.get("condition", 1.0))


def _lines_error(point: Point) -> float:
    """Every displayed line of Section 2 on a grid of the space, against (2.1)."""
    lam, mu, covariance, root = problem(point)
    # Coarser than on the line, where nodes cost less: 1e-10 by the rule of `grid_step`.
    step, width = min(0.25, 1.6 * grid_step(point["lam_norm"])), HALF_WIDTH
    update = _whitened(theory.em_map(lam, mu, covariance), root, covariance)
    pair = np.stack([lam, -lam])
    grids = [
        impl.mixture_grid(means, cov=covariance, step=step, half_width=width)
        for means in (np.stack([mu, -mu]), mu[None], -mu[None])
    ]
    beliefs = [impl.em_responsibilities(x, pair, cov=covariance) for x, _ in grids]
    (x, weights), (own, own_weights), (other, other_weights) = grids
    both, at_own, at_other = beliefs
    # (1.2), from data of the mixture.
    first, second = impl.em_step(x, pair, cov=covariance, weights=weights)
    # One parameter serves for both means because the second moves as the mirror image.
    lines = [first, -second]
    # The same, the mixture split into its components.
    top = own_weights * at_own[:, 0] @ own / 2 + other_weights * at_other[:, 0] @ other / 2
    bottom = own_weights @ at_own[:, 0] / 2 + other_weights @ at_other[:, 0] / 2
    lines.append(top / bottom)
    # By symmetry: differences of densities over their sum, over an integral of one.
    unit = own_weights @ at_own.sum(axis=1) / 2
    mean = own_weights * (at_own[:, 0] - at_own[:, 1]) @ own
    lines += [mean / 2 / unit, mean]
    # With the common factor of the densities cancelled.
    assert covariance is not None  # _on_a_grid names a condition
    s = own @ np.linalg.solve(covariance, lam)
    rising, falling = np.exp(s), np.exp(-s)
    lines.append(own_weights * (rising - falling) / (rising + falling) @ own)
    size = np.linalg.norm(_whitened(lines[0], root, covariance))
    errors = [np.linalg.norm(_whitened(line, root, covariance) - update) / size for line in lines]
    denominators = [weights @ both[:, 0], bottom, unit]
    return float(max([*errors, *(abs(2 * value - 1) for value in denominators)]))


def _drawn(point: Point, rng: np.random.Generator, n: int) -> tuple[Array, Array]:
    """Samples of the mixture and the beliefs in its first component, from (1.1) and (1.2)."""
    lam, mu, covariance, _ = problem(point)
    x = impl.sample_mixture(np.stack([mu, -mu]), n, cov=covariance, rng=rng)
    pair = np.stack([lam, -lam])
    return np.asarray(x), np.asarray(impl.em_responsibilities(x, pair, cov=covariance)[:, 0])


def _draw_step(point: Point, rng: np.random.Generator, n: int) -> Array:
    """w(x) (x - M) along a direction: of mean zero exactly if M is the ratio (1.2)."""
    direction, update, size = _projection(point)
    x, belief = _drawn(point, rng, n)
    return np.asarray(belief * ((x - update) @ direction) / size)


def _projection(point: Point) -> tuple[Array, Array, float]:
    """A unit vector, (2.1), and a bound of the L_8 norm of w(x) (x - M) along the vector."""
    lam, mu, covariance, root = problem(point)
    update = np.asarray(theory.em_map(lam, mu, covariance), dtype=np.float64)
    rng = np.random.default_rng([point["seed"], 1])
    # Along lam, along mu, or anywhere, in coordinates where the covariance is one.
    anywhere = rng.standard_normal(int(point["d"]))
    chosen = [_whitened(v, root, covariance) for v in (lam, mu)] + [anywhere]
    white = chosen[int(rng.integers(3))]
    direction = np.asarray(np.linalg.solve(root.T, white / np.linalg.norm(white)))
    spread = float(np.linalg.norm(root.T @ direction))
    size = abs(float(mu @ direction)) + abs(float(update @ direction))
    return direction, update, size + gaussian_norm(ORDER) * spread


# --- DTZ-2: the fixed points ----------------------------------------------------------------------

_domain = points(
    {
        "d": sizes(1, 30),
        "mu_norm": log_uniform(1e-8, 1e2),
        "condition": log_uniform(1.0, 1e6),
        "seed": seeds(),
    }
)
_on_the_line = points({"separation": log_uniform(1e-8, 8.0), "deviation": log_uniform(1e-8, 1e8)})
_sampled = points(
    {
        "d": sizes(1, 30),
        "mu_norm": log_uniform(1e-2, 1e2),
        "condition": log_uniform(1.0, 1e4),
        "start": st.sampled_from([1.0, 0.0, -1.0]),
        "seed": seeds(),
    }
)


def _problem(point: Point) -> tuple[Array, Array]:
    """mu and a covariance with eigenvalues from 1/condition to 1 in random directions."""
    d = point["d"]
    rng = np.random.default_rng(point["seed"])
    basis = np.linalg.qr(rng.standard_normal((d, d)))[0]
    spectrum = point["condition"] ** -rng.uniform(size=d)
    covariance = (basis * spectrum) @ basis.T
    direction = rng.standard_normal(d)
    mu = point["mu_norm"] * direction / np.linalg.norm(direction)
    return mu, (covariance + covariance.T) / 2


def _error(point: Point) -> float:
    mu, covariance = _problem(point)
    errors = [
        np.linalg.norm(theory.em_map(start * mu, mu, covariance) - start * mu)
        for start in (-1.0, 0.0, 1.0)
    ]
    return float(max(errors) / np.linalg.norm(mu))


def _exact_error(point: Point) -> arb:
    """M(mu, mu) = mu E[tanh s + tanh' s], s ~ N(q, q), q = mu^T Sigma^-1 mu; -mu by symmetry."""
    mu, covariance = _problem(point)
    column = arb_mat([[float(x)] for x in mu])
    q = (column.transpose() * arb_mat(covariance.tolist()).solve(column))[0, 0]

    def both(s: acb) -> acb:
        t, d1, _, _ = tanh_jet(s)
        return t + d1

    return abs(gaussian_mean(both, q, q, bound=2) - 1)


def _noise(point: Point) -> float:
    return float(1e-13 * point["condition"] + 1e-12)


def _error_on_grid(point: Point) -> float:
    """One EM step from densities on a grid, (1.2) as it stands, from each fixed point in turn."""
    deviation = float(point["deviation"])
    mu = np.array([[deviation * point["separation"]]])
    covariance = np.array([[deviation**2]])
    step = grid_step(point["separation"])
    x, weights = impl.mixture_grid(
        np.concatenate([mu, -mu]), cov=covariance, step=step, half_width=HALF_WIDTH
    )
    errors = []
    for start in (-1.0, 0.0, 1.0):
        means = np.concatenate([start * mu, -start * mu])
        moved = impl.em_step(x, means, cov=covariance, weights=weights)[0, 0]
        errors.append(abs(float(moved - start * mu[0, 0])))
    return max(errors) / float(mu[0, 0])


def _ball_error_on_grid(point: Point) -> arb:
    """(1.2) from lambda = mu in units of the deviation, where the belief is sigmoid(2 r y)."""
    r = arb(point["separation"])

    def belief(y: acb) -> acb:
        return 1 / (1 + (-2 * r * y).exp())

    # abs(y) <= abs(z) + r <= abs(z) (1 + r) for abs(z) >= 9.
    bound = 1 + float(point["separation"])
    top = bottom = arb(0)
    for centre in (r, -r):
        top += gaussian_mean(lambda y: belief(y) * y, centre, arb(1), bound=bound, degree=1)
        bottom += gaussian_mean(belief, centre, arb(1), bound=1)
    return abs(top / bottom - r) / r


def _draw(point: Point, rng: np.random.Generator, n: int) -> Array:
    """w(x) (x - M) along a direction: of mean zero exactly if M is the M-step from the start."""
    mu, covariance = _problem(point)
    start = point["start"] * mu
    x = impl.sample_mixture(np.stack([mu, -mu]), n, cov=covariance, rng=rng)
    belief = impl.em_responsibilities(x, np.stack([start, -start]), cov=covariance)[:, 0]
    direction, size = _direction(point)
    return np.asarray(belief * ((x - start) @ direction) / size)


def _direction(point: Point) -> tuple[Array, float]:
    """A unit vector, and a bound of the L_8 norm of w(x) (x - M) along it."""
    mu, covariance = _problem(point)
    rng = np.random.default_rng([point["seed"], 1])
    anywhere: Array = rng.standard_normal(int(point["d"]))
    chosen = mu if rng.uniform() < 0.5 else anywhere
    direction = np.asarray(chosen / np.linalg.norm(chosen))
    spread = float(np.sqrt(direction @ covariance @ direction))
    return direction, 2 * abs(float(mu @ direction)) + gaussian_norm(ORDER) * spread


CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="DTZ-1",
        title="(1.2) simplifies to (2.1); both denominators equal the unit integrals",
        source=f"{_SOURCE}, Section 2, from (1.2) to (2.1)",
        statement=r"\frac{E_{p_\mu}[\frac{0.5 N(x;\lambda,\Sigma)}{p_\lambda(x)} x]}"
        r"{E_{p_\mu}[\frac{0.5 N(x;\lambda,\Sigma)}{p_\lambda(x)}]}"
        r" = E_{x\sim N(\mu,\Sigma)}[\tanh(\lambda^T\Sigma^{-1}x)\,x]",
        evidence=(
            _light(
                _anywhere(),
                error=_line_error,
                exact_error=_ball_error,
                noise=_map_noise,
                routes=(
                    "theory: (2.1), one-dimensional integrals, with the covariance",
                    "impl: (1.2) from densities on a grid along lambda, component by component",
                    "balls: both, along lambda and across it, with the belief as a sigmoid",
                ),
            ),
            _light(
                _on_a_grid(),
                error=_lines_error,
                exact_error=_ball_error,
                noise=_map_noise,
                routes=(
                    "theory: (2.1), one-dimensional integrals, with the covariance",
                    "impl: the five lines from (1.2) on, from densities on a grid of the space",
                    "balls: (2.1) and (1.2), along lambda and across it",
                ),
            ),
            MeanTest(
                domain=_from_samples(),
                draw=_draw_step,
                allowed=lambda _point: (0.0, 0.0),
                effect=0.03,
                moment=lambda _point: (float(ORDER), 1.0),
                routes=("impl: (1.2) from the densities at samples", "theory: (2.1)"),
            ),
            MeanTest(
                domain=_from_samples(),
                draw=lambda point, rng, n: _drawn(point, rng, n)[1],
                allowed=lambda _point: (0.5, 0.5),
                effect=0.02,
                bounds=(0.0, 1.0),
                routes=("impl: the beliefs at samples", "one half"),
            ),
        ),
        note="Since w(x) + w(-x) = 1 and p_mu is even, each denominator is 1/2, as is the displayed"
        " one, 1/2 E[1], and the numerator is E_N(mu)[(w(x) - w(-x)) x] / 2. The lines checked: the"
        " split into components, the symmetrised ratio, the same without its unit integral, the"
        " exponentials, and (2.1), which the slides number (2), like the fixed points.",
    ),
    Claim(
        id="DTZ-2",
        title="EM's fixed points: M(-mu, mu) = -mu, M(0, mu) = 0, M(mu, mu) = mu",
        source=f"{_SOURCE}, Section 2",
        statement=r"M(-\mu,\mu) = -\mu,\quad M(0,\mu) = 0,\quad M(\mu,\mu) = \mu"
        r"\quad\text{for every } \mu, \Sigma",
        evidence=(
            equality_search(
                _domain,
                error=_error,
                exact_error=_exact_error,
                noise=_noise,
                routes=(
                    "theory: one-dimensional integrals",
                    "the fixed points themselves",
                    "balls: one integral, after whitening",
                ),
            ),
            equality_search(
                _on_the_line,
                error=_error_on_grid,
                exact_error=_ball_error_on_grid,
                routes=(
                    "impl: (1.2) from the densities on a grid",
                    "the fixed points themselves",
                    "balls: the ratio (1.2), with the belief as a sigmoid",
                ),
                # Rounding is relative to the deviation; the error is relative to mu.
                noise=lambda point: 1e-10 + 1e-14 / float(point["separation"]),
            ),
            MeanTest(
                domain=_sampled,
                draw=_draw,
                allowed=lambda _point: (0.0, 0.0),
                effect=0.02,
                moment=lambda _point: (float(ORDER), 1.0),
                routes=("impl: (1.2) from the densities at samples", "the fixed points themselves"),
            ),
        ),
        note="By (1.2) as it stands, with responsibilities from the densities, on a grid and from"
        " data, and by the form (2) in closed form.",
    ),
)
