"""DTZ-1 and DTZ-2: the EM map of two Gaussians, its lines of derivation, and its fixed points."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from flint import acb, arb
from hypothesis import strategies as st
from numpy.typing import NDArray

from lemmata import impl, theory
from lemmata.checks._balls import means_1d
from lemmata.checks._compare import equality_search
from lemmata.checks._em import em_map_ball, problem
from lemmata.checks._grid import HALF_WIDTH, ORDER, gaussian_norm, grid_step
from lemmata.harness.balls import gaussian_mean, norm
from lemmata.harness.claim import Claim, Point
from lemmata.harness.domain import cosines, log_uniform, seeds, sizes
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
_GRID_SIZES = st.sampled_from([1, 2])
_KINDS = st.sampled_from(["covariance", "line", "covariance", "identity"])


@st.composite
def _anywhere(draw: st.DrawFn) -> dict[str, Any]:
    """Points of `_em.problem`; a general covariance up to d = 30, the identity beyond."""
    kind = draw(_KINDS)
    d = {"covariance": _SIZES, "line": st.just(1), "identity": _LARGE_SIZES}[kind]
    return _complete(draw, draw(d), _LENGTHS, covariance=kind != "identity")


@st.composite
def _on_a_grid(draw: st.DrawFn) -> dict[str, Any]:
    """In the plane the step that resolves the belief shrinks with lam; mu only moves the grid."""
    point = _complete(draw, draw(_GRID_SIZES), _LENGTHS)
    return {**point, "lam_norm": draw(_GRID_LENGTHS)}


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


def _light(domain: Any, effort: float, **settings: Any) -> Search:
    """An equality on fewer points than usual: in balls, one costs four integrals."""
    return replace(equality_search(domain, **settings), effort=effort)


def _line_error(point: Point) -> float:
    """How far (2.1) is from (1.2) on densities, and the denominator of (1.2) from one half.

    The same for the other component, whose mean is -lam and becomes minus the update. The
    coordinates across lam are independent of the one along it, y, in each component, so that a
    grid over y serves any dimension.
    """
    lam, mu, covariance, root = problem(point)
    update = _whitened(theory.em_map(lam, mu, covariance), root, covariance)
    a, along, across = _plane(point)
    pair, top, bottom = np.array([[a], [-a]]), np.zeros((2, 2)), np.zeros((2, 1))
    for sign in (1.0, -1.0):
        y, weights = impl.mixture_grid(
            np.array([[sign * along]]), step=grid_step(a), half_width=HALF_WIDTH
        )
        shares = weights[:, None] * impl.em_responsibilities(y, pair) / 2
        mass = shares.sum(axis=0)
        top += np.stack([y[:, 0] @ shares, sign * across * mass], axis=1)
        bottom += mass[:, None]
    # Unit vectors along lam and across it, in the plane of lam and mu; mu is on the first axis.
    cosine, sine = float(point["cos_theta"]), _sine(point)
    plane = np.array([[cosine, sine], [sine, -cosine]])[:, : min(2, update.size)]
    ratios = np.zeros((2, update.size))
    ratios[:, :2] = top / bottom @ plane
    size = float(np.linalg.norm(ratios[0]))
    gaps = (np.linalg.norm(update - ratios[0]), np.linalg.norm(update + ratios[1]))
    return max(float(max(gaps)) / size, float(np.abs(2 * bottom - 1).max()))


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

    def moments(y: acb) -> tuple[acb, acb]:
        belief = 1 / (1 + (-2 * a * y).exp())
        return belief * y, belief

    ahead, behind = (means_1d(moments, centre, scale=1, degree=1) for centre in (along, -along))
    bottom = (ahead[1] + behind[1]) / 2
    top = (ahead[0] + behind[0]) / 2, across * (ahead[1] - behind[1]) / 2
    # The other belief is one minus this one, and the mean of p_mu is zero.
    ratios = [[sign * x / share for x in top] for sign, share in ((1, bottom), (-1, 1 - bottom))]
    tanh = gaussian_mean(lambda y: (a * y).tanh(), along, arb(1), bound=1)
    update = em_map_ball(a, along), across * tanh
    worst = abs(2 * bottom - 1)
    for sign, ratio in zip((1, -1), ratios, strict=True):
        gap = norm(*(u - sign * v for u, v in zip(update, ratio, strict=True)))
        worst = worst.max(gap / norm(*ratio))
    return worst


def _map_noise(point: Point) -> float:
    """Sums over the mixture cancel to a result of the size of lam; whitening costs digits."""
    a, b = point["lam_norm"], point["mu_norm"]
    size = min(a, 0.5) * (1 + b * b * point["cos_theta"] ** 2) ** 0.5
    rounding = 2e-14 * (1 + b) / size
    return float(1e-10 + rounding + 1e-13 * point.get("condition", 1.0))


def _lines_noise(point: Point) -> float:
    """In the space the exponents of the densities are as large as the square of mu."""
    a, b = point["lam_norm"], point["mu_norm"]
    size = min(a, 0.5) * (1 + b * b * point["cos_theta"] ** 2) ** 0.5
    return float(_map_noise(point) + 2e-16 * point["condition"] ** 0.5 * (1 + b) ** 3 / size)


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
    """Samples of the mixture and the beliefs in its components, from (1.1) and (1.2)."""
    lam, mu, covariance, _ = problem(point)
    x = impl.sample_mixture(np.stack([mu, -mu]), n, cov=covariance, rng=rng)
    pair = np.stack([lam, -lam])
    return np.asarray(x), np.asarray(impl.em_responsibilities(x, pair, cov=covariance))


def _draw_step(point: Point, rng: np.random.Generator, n: int) -> Array:
    """w(x) (x - M) along a direction: of mean zero exactly if M is the ratio (1.2).

    Or, as the seed says, the same of the other component's belief and -M.
    """
    direction, update, size = _projection(point)
    row = int(np.random.default_rng([point["seed"], 2]).integers(2))
    x, beliefs = _drawn(point, rng, n)
    gap = x - (1 - 2 * row) * update
    return np.asarray(beliefs[:, row] * (gap @ direction) / size)


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


CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="DTZ-1",
        title="(1.2) simplifies to (2.1); both denominators equal the unit integrals",
        source=f"{_SOURCE}, Section 2, from (1.2) to (2.1)",
        statement=r"\frac{E_{p_\mu}[\frac{0.5 N(x;\lambda,\Sigma)}{p_\lambda(x)} x]}"
        r"{E_{p_\mu}[\frac{0.5 N(x;\lambda,\Sigma)}{p_\lambda(x)}]}"
        r" = E_{x\sim N(\mu,\Sigma)}[\tanh(\lambda^T\Sigma^{-1}x)\,x],\quad"
        r" E_{p_\mu}[\tfrac{0.5 N(x;\lambda,\Sigma)}{p_\lambda(x)}] = \tfrac12"
        r" E_{N(\mu,\Sigma)}[1] = \tfrac12",
        reading="the other component's mean, -lambda, becomes -M: that is tested too",
        evidence=(
            _light(
                _anywhere(),
                0.5,
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
                0.25,
                error=_lines_error,
                exact_error=_ball_error,
                noise=_lines_noise,
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
                draw=lambda point, rng, n: _drawn(point, rng, n)[1][:, 0],
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
)
