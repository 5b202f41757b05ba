"""Contests: what this project computes, and how one would get the same today.

A contest builds its sides for a size. Each rival says how its result is compared with ours, and
how far apart the two may be; nothing is timed before they agree.
"""

from __future__ import annotations

import functools
import itertools
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["CONTESTS", "Contest", "Rival", "Sides", "by_name"]

Array = np.ndarray[Any, Any]
Size = dict[str, float]
Call = Callable[[], Any]

# Statistical comparisons: standard errors that two means may be apart. The seeds are fixed.
_ERRORS = 5.0


@dataclass(frozen=True, kw_only=True)
class Rival:
    """Another way to the same result, or a bound: work that ours cannot do without."""

    name: str
    call: Call
    #: How far its result is from ours, in units of `tolerance`; None for a bound.
    error: Callable[[Any, Any], float] | None = None
    tolerance: float = 0.0
    #: How often the call does what ours does in one call; less than one where it is extrapolated.
    units: float = 1.0
    note: str = ""
    #: The ratio, its time over ours, that is promised.
    target: float | None = None
    #: Memory that it takes, in bytes, where that may be more than there is.
    needs: float = 0.0


@dataclass(frozen=True)
class Sides:
    """Our call, which does `units` of what is compared, and the rivals."""

    ours: Call
    rivals: list[Rival]
    units: float = 1.0


@dataclass(frozen=True)
class Contest:
    """A kernel against its rivals, at sizes; `small` is for the tests."""

    name: str
    kernel: str
    build: Callable[..., Sides]
    sizes: list[Size]
    small: Size

    @property
    def names(self) -> list[str]:
        """The rivals, whatever the size."""
        return [rival.name for rival in self.build(**self.small).rivals]


def _largest(ours: Any, theirs: Any) -> float:
    """Largest difference of any part, relative to the part's largest entry."""
    ours, theirs = (a if isinstance(a, tuple) else (a,) for a in (ours, theirs))
    worst = 0.0
    for one, other in zip(ours, theirs, strict=True):
        gap = np.abs(np.asarray(one) - np.asarray(other)).max()
        worst = max(worst, float(gap / np.abs(np.asarray(one)).max()))
    return worst


def _standard_errors(ours: Any, theirs: Any) -> float:
    """Largest distance of the means of two samples, by columns, in standard errors of it."""
    one, other = (np.asarray(a, dtype=np.float64) for a in (ours, theirs))
    one, other = (a.reshape(len(a), -1) for a in (one, other))
    variance = one.var(axis=0, ddof=1) / len(one) + other.var(axis=0, ddof=1) / len(other)
    return float((np.abs(one.mean(axis=0) - other.mean(axis=0)) / np.sqrt(variance)).max())


# Gradient of score matching on given samples.


def _autograd_score_matching(mu: Array, x: Array) -> Call:
    import torch

    points = torch.from_numpy(x)

    def call() -> Array:
        parameter = torch.tensor(mu, requires_grad=True)
        t = torch.tanh(points @ parameter)
        score = t[:, None] * parameter - points
        divergence = (1 - t * t) * (parameter @ parameter) - len(mu)
        loss = (score.square().sum(dim=1) + 2 * divergence).mean()
        return np.asarray(torch.autograd.grad(loss, parameter)[0].numpy())

    return call


def _numpy_score_matching(mu: Array, x: Array) -> Array:
    s = x @ mu
    t = np.tanh(s)
    q = 1 - t * t
    weight = t + q * (s + t * (mu @ mu))
    return np.asarray(2 * ((1 + q.mean()) * mu - weight @ x / len(x)))


def _gradient(n: float, d: float) -> Sides:
    from lemmata.impl import score_matching_gradient

    rng = np.random.default_rng(0)
    x = rng.standard_normal((int(n), int(d)))
    mu, w = rng.standard_normal(int(d)) / math.sqrt(d), rng.standard_normal(int(n))
    flat = x.ravel()
    agree: dict[str, Any] = {"error": _largest, "tolerance": 1e-10}
    rivals = [
        Rival(
            name="torch autograd of the loss",
            call=_autograd_score_matching(mu, x),
            target=30.0,
            **agree,
        ),
        Rival(
            name="NumPy, all samples at once", call=lambda: _numpy_score_matching(mu, x), **agree
        ),
        Rival(name="two products, X mu and w X", call=lambda: (x @ mu, w @ x), target=1.0),
        Rival(name="one read of X", call=lambda: flat @ flat, target=1 / 2.5),
    ]
    return Sides(lambda: score_matching_gradient(mu, x), rivals)


# One step of EM.


def _sklearn_step(x: Array, weights: Array, means: Array, variances: Array) -> Call:
    from sklearn.mixture import GaussianMixture

    # The state that `fit` keeps between its iterations; of an iteration only the test of
    # convergence, which costs nothing, is left out.
    model = GaussianMixture(len(weights), covariance_type="spherical", reg_covar=0.0)

    def call() -> tuple[Any, ...]:
        model.weights_, model.means_, model.covariances_ = weights, means, variances
        model.precisions_cholesky_ = 1 / np.sqrt(variances)
        likelihood, responsibilities = model._e_step(x)
        model._m_step(x, responsibilities)
        return model.weights_, model.means_, model.covariances_, likelihood

    return call


def _em_step(n: float, d: float, K: float) -> Sides:
    from lemmata.impl import spherical_em_step

    rng = np.random.default_rng(0)
    count, dimension, components = int(n), int(d), int(K)
    means = rng.standard_normal((components, dimension)) * 4 / math.sqrt(d)
    x = means[rng.integers(components, size=count)] + rng.standard_normal((count, dimension))
    weights = rng.dirichlet(np.full(components, 5.0))
    variances = rng.uniform(0.8, 1.5, components)
    means = means + 0.1
    flat, responsibilities = x.ravel(), rng.uniform(size=(components, count))
    logs = -rng.exponential(10.0, size=(components, count))
    rivals = [
        Rival(
            name="scikit-learn GaussianMixture, one iteration",
            call=_sklearn_step(x, weights, means, variances),
            error=_largest,
            tolerance=1e-10,
            target=4.0,
        ),
        Rival(
            name="two products and n K exponentials",
            call=lambda: (x @ means.T, responsibilities @ x, np.exp(logs)),
        ),
        Rival(name="one read of X", call=lambda: flat @ flat),
    ]
    return Sides(lambda: tuple(spherical_em_step(x, weights, means, variances)), rivals)


# Population quantities.


def _monte_carlo(mu: Array, mu_star: Array, samples: int) -> Call:
    """Mean over samples of the integrand of Shah, Chen & Klivans 2023, Lemma C.2."""
    generator = np.random.default_rng(1)
    square = mu @ mu

    def call() -> tuple[Array, Array]:
        x = mu_star + generator.standard_normal((samples, len(mu)))
        s = x @ mu
        t = np.tanh(s)
        q = 1 - t * t
        weight = t + square * t * q + q * s
        terms = weight[:, None] * x - (1 + q)[:, None] * mu
        return terms.mean(axis=0), terms.var(axis=0, ddof=1) / samples

    return call


def _population(d: float, samples: float, accuracy: float) -> Sides:
    from lemmata.theory import ddpm_descent

    rng = np.random.default_rng(0)
    mu, mu_star = rng.standard_normal((2, int(d))) / math.sqrt(d)
    sample = _monte_carlo(mu, mu_star, int(samples))
    exact = ddpm_descent(mu, mu_star)
    _, variance = sample()
    # Root mean square error over length is sqrt(variance of one sample / n) / length.
    wanted = samples * variance.sum() / (accuracy * np.linalg.norm(exact)) ** 2

    def error(ours: Array, theirs: tuple[Array, Array]) -> float:
        mean, spread = theirs
        return float(np.sqrt(np.square(mean - ours).sum() / spread.sum()))

    rivals = [
        Rival(
            name=f"Monte Carlo, {accuracy:g} relative",
            call=sample,
            error=error,
            # The squared distance is a sum of d squares: its mean is one, and it is never far off.
            tolerance=2.0,
            units=samples / wanted,
            note=f"extrapolated from {samples:g} to the {wanted:.2g} samples that this takes",
            target=1e4,
        )
    ]
    return Sides(lambda: ddpm_descent(mu, mu_star), rivals)


def _moments_by_quad(m: float, v: float, functions: list[Callable[[float], float]]) -> list[float]:
    """E f(s), s ~ N(m, v), by SciPy's adaptive quadrature."""
    from scipy.integrate import quad

    root = math.sqrt(v)

    def integrand(z: float, f: Callable[[float], float]) -> float:
        return f(m + root * z) * math.exp(-0.5 * z * z)

    return [
        quad(integrand, -12, 12, args=(f,), epsabs=1e-13, epsrel=1e-13, limit=200)[0]
        / math.sqrt(2 * math.pi)
        for f in functions
    ]


def _moments_by_gauss(m: float, v: float, functions: list[Callable[[Array], Array]]) -> list[float]:
    """The same by Gauss-Hermite with 150 nodes."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(150)
    s = m + math.sqrt(v) * nodes
    return [float(weights @ f(s)) / math.sqrt(2 * math.pi) for f in functions]


def _tanh(order: int) -> Callable[[Any], Any]:
    """The derivative of tanh, as a polynomial in it."""

    def call(s: Any) -> Any:
        t = np.tanh(s)
        q = (1 - t) * (1 + t)
        return (t, q, -2 * t * q, q * (6 * t * t - 2))[order]

    return call


def _expectations(build: Callable[[Array, Array, Callable[..., list[float]]], Array]) -> Any:
    def sides(ours: Callable[[Array, Array], Array], d: float) -> Sides:
        rng = np.random.default_rng(0)
        mu, mu_star = rng.standard_normal((2, int(d))) / math.sqrt(d)
        agree: dict[str, Any] = {"error": _largest, "tolerance": 1e-9}
        rivals = [
            Rival(
                name="scipy.integrate.quad",
                call=lambda: build(mu, mu_star, _moments_by_quad),
                **agree,
            ),
            Rival(
                name="NumPy Gauss-Hermite, 150 nodes",
                call=lambda: build(mu, mu_star, _moments_by_gauss),
                **agree,
            ),
        ]
        return Sides(lambda: ours(mu, mu_star), rivals)

    return sides


def _map_by(mu: Array, mu_star: Array, moments: Callable[..., list[float]]) -> Array:
    value, slope = moments(mu @ mu_star, mu @ mu, [_tanh(0), _tanh(1)])
    return np.asarray(value * mu_star + slope * mu)


def _residual_by(mu: Array, mu_star: Array, moments: Callable[..., list[float]]) -> Array:
    v = mu @ mu

    def a(s: Any) -> Any:
        return s * _tanh(1)(s) - v / 2 * _tanh(2)(s)

    def b(s: Any) -> Any:
        return s * _tanh(2)(s) - v / 2 * _tanh(3)(s)

    first, second = moments(mu @ mu_star, v, [a, b])
    return np.asarray(first * mu_star + second * mu)


def _em_map(d: float) -> Sides:
    from lemmata.theory import em_map

    return _expectations(_map_by)(em_map, d)  # type: ignore[no-any-return]


def _em_residual(d: float) -> Sides:
    from lemmata.theory import em_residual

    return _expectations(_residual_by)(em_residual, d)  # type: ignore[no-any-return]


# Gradient of the DDPM loss on samples of the mixture, which are drawn.


def _autograd_ddpm(mu: Array, mu_star: Array, t: float, n: int) -> Call:
    import torch

    generator = torch.Generator().manual_seed(1)
    centre = torch.from_numpy(mu_star)
    beta = math.sqrt(-math.expm1(-2 * t))

    def call() -> Array:
        parameter = torch.tensor(mu, requires_grad=True)
        sign = 2 * torch.randint(0, 2, (n, 1), generator=generator).double() - 1
        x0 = sign * centre + torch.randn(n, len(mu), dtype=torch.float64, generator=generator)
        z = torch.randn(n, len(mu), dtype=torch.float64, generator=generator)
        x = math.exp(-t) * x0 + beta * z
        score = torch.tanh(x @ parameter)[:, None] * parameter - x
        loss = (score + z / beta).square().sum(dim=1).mean()
        return np.asarray(torch.autograd.grad(loss, parameter)[0].numpy())

    return call


def _numpy_ddpm(mu: Array, mu_star: Array, t: float, n: int) -> Call:
    rng = np.random.default_rng(2)
    beta = math.sqrt(-math.expm1(-2 * t))

    def call() -> Array:
        x0 = rng.choice([-1.0, 1.0], size=(n, 1)) * mu_star + rng.standard_normal((n, len(mu)))
        z = rng.standard_normal((n, len(mu)))
        x = math.exp(-t) * x0 + beta * z
        value = np.tanh(x @ mu)
        r = value[:, None] * mu - x + z / beta
        slope = (1 - value * value) * (r @ mu)
        return np.asarray(2 * (value[:, None] * r + slope[:, None] * x).mean(axis=0))

    return call


def _empirical(n: float, d: float) -> Sides:
    from lemmata.impl import empirical_gradient

    rng = np.random.default_rng(0)
    mu, mu_star = rng.standard_normal((2, int(d))) / math.sqrt(d)
    time, count = 0.5, int(n)
    generator = np.random.default_rng(3)

    def error(ours: tuple[Array, float], theirs: Array) -> float:
        # Both have the variance mean_square / n, summed over the coordinates.
        return float(np.linalg.norm(theirs - ours[0]) / math.sqrt(2 * ours[1] / n))

    agree: dict[str, Any] = {
        "error": error,
        "tolerance": _ERRORS,
        "needs": 10 * 8.0 * n * d,
    }
    rivals = [
        Rival(
            name="torch autograd, all samples at once",
            call=_autograd_ddpm(mu, mu_star, time, count),
            **agree,
        ),
        Rival(
            name="NumPy, all samples at once", call=_numpy_ddpm(mu, mu_star, time, count), **agree
        ),
        Rival(
            name="drawing 2 n d normals",
            call=lambda: [generator.standard_normal((1000, int(d))) for _ in range(count // 500)],
        ),
    ]
    return Sides(lambda: empirical_gradient(mu, mu_star, time, count, rng=generator), rivals)


# Top eigenpair of a spiked sample covariance.


def _spiked_data(n: int, p: int, spike: float, rng: np.random.Generator) -> Array:
    x = rng.standard_normal((n, p))
    x[:, 0] *= math.sqrt(1 + spike)
    return x


def _leading(solver: Callable[[Array], tuple[float, Array]]) -> Callable[[Array], Array]:
    def pair(x: Array) -> Array:
        value, vector = solver(x)
        return np.array([value, vector[0] ** 2])

    return pair


def _by_eigh(x: Array) -> tuple[float, Array]:
    values, vectors = np.linalg.eigh(x.T @ x / len(x))
    return values[-1], vectors[:, -1]


def _by_eigsh(x: Array) -> tuple[float, Array]:
    from scipy.sparse.linalg import eigsh

    values, vectors = eigsh(x.T @ x / len(x), k=1, which="LA", v0=np.ones(x.shape[1]))
    return values[0], vectors[:, 0]


def _by_svds(x: Array) -> tuple[float, Array]:
    from scipy.sparse.linalg import svds

    _, values, rows = svds(x, k=1, v0=np.ones(min(x.shape)))
    return values[0] ** 2 / len(x), rows[0]


def _by_pca(x: Array) -> tuple[float, Array]:
    from sklearn.decomposition import PCA

    model = PCA(n_components=1, svd_solver="arpack", random_state=0).fit(x)
    return model.singular_values_[0] ** 2 / len(x), model.components_[0]


def _by_pca_lowrank(x: Array) -> tuple[float, Array]:
    import torch

    with torch.random.fork_rng(devices=[]):
        _, values, vectors = torch.pca_lowrank(torch.from_numpy(x), q=6, center=False, niter=30)
    return float(values[0]) ** 2 / len(x), vectors[:, 0].numpy()


def _by_lobpcg(x: Array) -> tuple[float, Array]:
    import torch

    points = torch.from_numpy(x)
    with torch.random.fork_rng(devices=[]):
        start = torch.ones(x.shape[1], 1, dtype=torch.float64)
        values, vectors = torch.lobpcg(
            points.T @ points / len(x), k=1, X=start, tol=1e-9, niter=500
        )
    return float(values[0]), vectors[:, 0].numpy()


def _centred_eigh(x: Array) -> tuple[float, Array]:
    return _by_eigh(x - x.mean(axis=0))


def _full_bidiagonal(n: int, p: int, spike: float, rng: np.random.Generator) -> Array:
    """The reduction by hand: all of its rows."""
    from scipy.linalg import eigh_tridiagonal

    order = min(n + 1, p)
    row = np.arange(order)
    diagonal = np.sqrt(rng.chisquare(np.maximum(n - row, 1)))
    diagonal[row >= n] = 0.0
    above = np.sqrt(rng.chisquare(p - 1 - row[:-1]))
    diagonal[0] *= math.sqrt(1 + spike)
    main = diagonal**2
    main[1:] += above**2
    values, vectors = eigh_tridiagonal(
        main / n, diagonal[:-1] * above / n, select="i", select_range=(order - 1, order - 1)
    )
    return np.array([values[0], vectors[0, 0] ** 2])


#: The solvers' results on one matrix may be this far from eigh's.
_SOLVED = 1e-6


def _spiked(n: float, p: float, spike: float, draws: float) -> Sides:
    from lemmata.impl import dense_draws, reduced_draws

    samples, dimension, many = int(n), int(p), int(draws)
    generators = {name: np.random.default_rng(i) for i, name in enumerate(("ours", "theirs"))}
    rng = generators["theirs"]
    solvers: dict[str, tuple[Callable[[Array], tuple[float, Array]], str]] = {
        "numpy.linalg.eigh of the covariance": (_by_eigh, ""),
        "scipy.sparse.linalg.eigsh": (_by_eigsh, ""),
        "scipy.sparse.linalg.svds": (_by_svds, ""),
        "sklearn PCA(n_components=1)": (_by_pca, "of centred data; by ARPACK"),
        "torch.pca_lowrank": (_by_pca_lowrank, "q=6, niter=30"),
        "torch.lobpcg": (_by_lobpcg, ""),
    }
    # Data, its Gram matrix, and work space.
    needs = 8.0 * (n * p + 3 * p * p)

    def solve_one(solver: Callable[[Array], tuple[float, Array]]) -> Call:
        return lambda: _leading(solver)(_spiked_data(samples, dimension, spike, rng))

    @functools.cache
    def reference(exact: Callable[[Array], tuple[float, Array]]) -> tuple[Array, Array]:
        x = _spiked_data(samples, dimension, spike, np.random.default_rng(7))
        return x, _leading(exact)(x)

    def solver_error(solver: Callable[[Array], tuple[float, Array]]) -> Callable[..., float]:
        def error(_ours: Any, _theirs: Any) -> float:
            x, exact = reference(_centred_eigh if solver is _by_pca else _by_eigh)
            return float(np.abs(_leading(solver)(x) - exact).max())

        return error

    def in_law(other: Callable[[np.random.Generator], Array], repeats: int) -> Callable[..., float]:
        def error(ours: tuple[Array, Array], _theirs: Any) -> float:
            fresh = np.random.default_rng(8)
            theirs = np.array([other(fresh) for _ in range(repeats)])
            return _standard_errors(np.stack(ours, axis=1), theirs)

        return error

    repeats = 60 if n * p * min(n, p) < 1e8 else 6
    rivals = [
        Rival(
            name="the same reduction by hand, all rows",
            call=lambda: _full_bidiagonal(samples, dimension, spike, rng),
            error=in_law(lambda g: _full_bidiagonal(samples, dimension, spike, g), 60),
            tolerance=_ERRORS,
            note="in place of DPPy, not installed; means of both, in standard errors",
            needs=8.0 * 12 * min(n, p),
        ),
        Rival(
            name="impl.dense_draws",
            call=lambda: dense_draws(samples, dimension, spike, rng=rng),
            error=in_law(
                lambda g: np.concatenate(dense_draws(samples, dimension, spike, rng=g)), repeats
            ),
            tolerance=_ERRORS,
            note="means of both results, in standard errors",
            needs=needs,
        ),
        *(
            Rival(
                name=name,
                call=solve_one(solver),
                error=solver_error(solver),
                tolerance=_SOLVED,
                note="; ".join(["against eigh on the same data", *filter(None, [note])]),
                needs=needs,
            )
            for name, (solver, note) in solvers.items()
        ),
    ]
    return Sides(
        lambda: reduced_draws(samples, dimension, spike, size=many, rng=generators["ours"]),
        rivals,
        units=draws,
    )


# Chains of projections.


def _chain_by_hand(
    n: int, p: int, eigenvalues: Array, noise: Array, rng: np.random.Generator
) -> Array:
    """Data and noise at every step, and the projection as a p x p matrix."""
    rank = len(eigenvalues)
    product = np.eye(p)
    for variance in noise:
        x = math.sqrt(variance) * rng.standard_normal((n, p))
        x[:, :rank] += np.sqrt(eigenvalues) * rng.standard_normal((n, rank))
        top = np.linalg.eigh(x.T @ x / n)[1][:, -rank:]
        product = product @ (top @ top.T)
    return np.square(product[:rank, :rank].ravel())


def _chain_products(n: float, p: float, T: float, draws: float) -> Sides:
    from lemmata.impl import chain_products

    samples, dimension = int(n), int(p)
    eigenvalues, noise = np.array([4.0, 2.0]), np.full(int(T), 0.5)
    ours, theirs = np.random.default_rng(0), np.random.default_rng(1)

    def call() -> Array:
        products, logs = chain_products(
            samples, dimension, eigenvalues, noise, size=int(draws), rng=ours
        )
        return np.square(products * np.exp(logs)[:, None, None]).reshape(int(draws), -1)

    def error(mine: Array, _theirs: Any) -> float:
        fresh = np.random.default_rng(2)
        repeats = 10 if p > 100 else 40
        other = [
            _chain_by_hand(samples, dimension, eigenvalues, noise, fresh) for _ in range(repeats)
        ]
        # The diagonal: across it are squares of small numbers with heavy tails.
        return _standard_errors(mine[:, [0, 3]], np.array(other)[:, [0, 3]])

    rivals = [
        Rival(
            name="NumPy, data and eigh at every step",
            call=lambda: _chain_by_hand(samples, dimension, eigenvalues, noise, theirs),
            error=error,
            tolerance=_ERRORS,
            note="means of the squared diagonal, in standard errors",
            needs=8.0 * (n * p + 4 * p * p),
        )
    ]
    return Sides(call, rivals, units=draws)


def _vectors_by_hand(
    n: int, p: int, eigenvalues: Array, noise: Array, size: int, rng: np.random.Generator
) -> Array:
    """Vectors through one chain of p x p projections."""
    vectors = rng.standard_normal((size, p))
    rank = len(eigenvalues)
    for variance in noise:
        x = math.sqrt(variance) * rng.standard_normal((n, p))
        x[:, :rank] += np.sqrt(eigenvalues) * rng.standard_normal((n, rank))
        top = np.linalg.eigh(x.T @ x / n)[1][:, -rank:]
        vectors = vectors @ (top @ top.T)
        vectors /= np.linalg.norm(vectors, axis=1)[:, None]
    return vectors


def _chain_samples(n: float, p: float, T: float, size: float) -> Sides:
    from lemmata.impl import chain_samples

    samples, dimension, many = int(n), int(p), int(size)
    eigenvalues, noise = np.array([4.0, 2.0]), np.full(int(T), 0.5)
    ours, theirs = np.random.default_rng(0), np.random.default_rng(1)

    def largest_share(vectors: Array) -> float:
        return float((vectors[:, 0] ** 2 / np.square(vectors).sum(axis=1)).mean())

    def error(_mine: Any, _theirs: Any) -> float:
        fresh = np.random.default_rng(2), np.random.default_rng(3)
        repeats = 10 if p > 100 else 40
        one = [
            largest_share(
                chain_samples(samples, dimension, eigenvalues, noise, size=many, rng=fresh[0])[0]
            )
            for _ in range(repeats)
        ]
        other = [
            largest_share(_vectors_by_hand(samples, dimension, eigenvalues, noise, many, fresh[1]))
            for _ in range(repeats)
        ]
        return _standard_errors(np.array(one), np.array(other))

    rivals = [
        Rival(
            name="NumPy, data and eigh at every step",
            call=lambda: _vectors_by_hand(samples, dimension, eigenvalues, noise, many, theirs),
            error=error,
            tolerance=_ERRORS,
            note="mean share of the first direction, in standard errors",
            needs=8.0 * (n * p + 4 * p * p),
        )
    ]
    return Sides(
        lambda: chain_samples(samples, dimension, eigenvalues, noise, size=many, rng=ours), rivals
    )


def _chain_mean(n: float, p: float, draws: float) -> Sides:
    from lemmata.impl import chain_moment_map

    samples, dimension = int(n), int(p)
    eigenvalues, variance = np.array([4.0, 2.0]), 0.5
    ours, theirs = np.random.default_rng(0), np.random.default_rng(1)

    def by_hand(rng: np.random.Generator) -> Array:
        """E <u_i, P u_j>^2 of one projection."""
        return _chain_by_hand(samples, dimension, eigenvalues, np.array([variance]), rng)

    def error(mine: Array, _theirs: Any) -> float:
        fresh = np.random.default_rng(2)
        other = np.array([by_hand(fresh) for _ in range(10 if p > 100 else 40)])[:, [0, 3]]
        gap = other.mean(axis=0) - np.diag(mine)[:2]
        # Ours averages over so many draws that its own error is left out.
        return float(np.abs(gap / (other.std(axis=0, ddof=1) / math.sqrt(len(other)))).max())

    rivals = [
        Rival(
            name="NumPy, data and eigh at every draw",
            call=lambda: by_hand(theirs),
            error=error,
            tolerance=_ERRORS,
            note="the two leading entries, in standard errors",
            needs=8.0 * (n * p + 4 * p * p),
        )
    ]
    return Sides(
        lambda: chain_moment_map(
            samples, dimension, eigenvalues, variance, size=int(draws), rng=ours
        ),
        rivals,
        units=draws,
    )


# Reverse process.


def _reverse(n: float, d: float, N: float) -> Sides:
    from lemmata.impl import reverse_covariance

    rng = np.random.default_rng(0)
    x = rng.standard_normal((int(n), int(d))) * np.linspace(2.0, 0.5, int(d))
    times = np.linspace(4.0, 0.05, int(N) + 1)

    def by_solves() -> Array:
        moments, identity = x.T @ x / len(x), np.eye(x.shape[1])
        covariance = identity
        for t, end in itertools.pairwise(times):
            alpha, variance, h = math.exp(-t), -math.expm1(-2 * t), t - end
            gram = alpha**2 * moments + variance * identity
            denoiser = np.linalg.solve(gram, alpha * moments).T
            step = identity + h * (identity + 2 * (alpha * denoiser - identity) / variance)
            covariance = step @ covariance @ step.T + 2 * h * identity
        return covariance

    def by_torch() -> Array:
        import torch

        points, identity = torch.from_numpy(x), torch.eye(x.shape[1], dtype=torch.float64)
        covariance = identity
        for t, end in itertools.pairwise(times):
            alpha, variance, h = math.exp(-t), -math.expm1(-2 * t), t - end
            inputs = torch.vstack([alpha * points / math.sqrt(n), math.sqrt(variance) * identity])
            targets = torch.vstack([points / math.sqrt(n), 0 * identity])
            denoiser = torch.linalg.lstsq(inputs, targets).solution.T
            step = identity + h * (identity + 2 * (alpha * denoiser - identity) / variance)
            covariance = step @ covariance @ step.T + 2 * h * identity
        return np.asarray(covariance.numpy())

    agree: dict[str, Any] = {"error": _largest, "tolerance": 1e-8}
    rivals = [
        Rival(name="torch.linalg.lstsq at every step", call=by_torch, **agree),
        Rival(
            name="NumPy, normal equations of the second moments",
            call=by_solves,
            note="squares the condition number, which ours, a reference, does not",
            **agree,
        ),
    ]
    return Sides(lambda: reverse_covariance(x, times, stochastic=True), rivals)


# Jacobians of denoisers. Singular values are as near to each other as the matrices (Weyl 1912),
# and everybody takes them by the same call: the matrices are what is compared.


def _spectral(ours: Array, theirs: Array) -> float:
    """Largest difference of two matrices in the spectral norm, relative to ours."""
    one, other = (np.asarray(a, dtype=np.float64) for a in (ours, theirs))
    gap, length = (np.linalg.norm(a, 2, axis=(1, 2)) for a in (one - other, one))
    return float((gap / length).max())


def _by_forward_mode(function: Callable[..., Any], points: Any) -> Array:
    """All points and directions at once."""
    import torch

    with warnings.catch_warnings():
        # Of torch by itself, when forward mode is first used.
        warnings.simplefilter("ignore", DeprecationWarning)
        found = torch.func.vmap(torch.func.jacfwd(function))(points)
    return np.asarray(found.numpy())


def _point_by_point(function: Callable[..., Any], points: Any) -> Array:
    import torch

    jacobian: Any = torch.autograd.functional.jacobian
    return np.stack([jacobian(function, point).numpy() for point in points])


def _by_differences(function: Callable[[Array], Array], x: Array, step: float) -> Array:
    """Central differences, all points and directions at once."""
    n, d = x.shape
    shifts = step * np.eye(d)
    above, below = (
        function((x[:, None, :] + sign * shifts).reshape(-1, d)).reshape(n, d, d)
        for sign in (1, -1)
    )
    return np.asarray((above - below).swapaxes(1, 2) / (2 * step))


def _network_jacobians(kind: str, n: float, d: float, width: float, depth: float) -> Sides:
    import torch

    from lemmata.impl import Architecture, initial_network, network_jacobians
    from lemmata.impl._forward import network_function

    rng = np.random.default_rng(0)
    shape = Architecture(kind=kind, dimension=int(d), width=int(width), depth=int(depth))
    network = initial_network(shape, rng=rng)
    # In float32, as the network is: a step of the differences is then taken from the same point.
    x = rng.standard_normal((int(n), int(d)), dtype=np.float32)
    apply, points, level = network_function(shape), torch.from_numpy(x), torch.tensor([0.5])
    narrow = {name: torch.tensor(value) for name, value in network.parameters.items()}
    wide = {name: value.double() for name, value in narrow.items()}

    def one(point: Any) -> Any:
        return apply(narrow, point[None], level)[0]

    def many(rows: Array) -> Array:
        with torch.no_grad():
            inputs = torch.from_numpy(rows)
            levels = torch.full((len(rows),), 0.5, dtype=torch.float64)
            return np.asarray(apply(wide, inputs, levels).numpy())

    # Four numbers an activation, image and direction, as ours counts them.
    needs = 4 * 4.0 * n * d * shape.activations
    rivals = [
        Rival(
            name="torch.autograd.functional.jacobian, image by image",
            call=lambda: _point_by_point(one, points),
            error=_spectral,
            tolerance=1e-5,
        ),
        Rival(
            name="torch.func.jacfwd and vmap, all images at once",
            call=lambda: _by_forward_mode(one, points),
            error=_spectral,
            tolerance=1e-5,
            needs=needs,
        ),
        Rival(
            name="central differences in float64",
            # A longer step crosses kinks of a network with ReLU.
            call=lambda: _by_differences(many, x.astype(np.float64), 1e-6),
            error=_spectral,
            tolerance=1e-5,
            note="step 1e-6",
            needs=needs,
        ),
    ]
    return Sides(lambda: network_jacobians(network, x, 0.5), rivals)


def _posterior_jacobian(n: float, K: float, d: float) -> Sides:
    import torch

    from lemmata.impl import posterior_jacobian, posterior_mean

    rng = np.random.default_rng(0)
    centres = 4 * rng.standard_normal((int(K), int(d))) / math.sqrt(d)
    noise, variance = 1.0, 0.25
    x = centres[rng.integers(int(K), size=int(n))] + rng.standard_normal((int(n), int(d)))
    points, middles, total = torch.from_numpy(x), torch.from_numpy(centres), variance + noise**2

    def mean(point: Any) -> Any:
        shares = torch.softmax(-(point - middles).square().sum(dim=1) / (2 * total), dim=0)
        return (variance * point + noise**2 * (shares @ middles)) / total

    def by_moments() -> Array:
        logs = (x @ centres.T - np.square(centres).sum(axis=1) / 2) / total
        shares = np.exp(logs - logs.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        middle = shares @ centres
        second = (shares[:, :, None] * centres).swapaxes(1, 2) @ centres
        spread = second - middle[:, :, None] * middle[:, None, :]
        return np.asarray((variance * np.eye(int(d)) + noise**2 / total * spread) / total)

    agree: dict[str, Any] = {"error": _spectral, "tolerance": 1e-10}
    rivals = [
        Rival(
            name="torch.autograd.functional.jacobian, point by point",
            call=lambda: _point_by_point(mean, points),
            **agree,
        ),
        Rival(
            # Points together take longer: what they hold leaves the cache.
            name="torch.func.jacrev, point by point",
            call=lambda: np.stack([torch.func.jacrev(mean)(point).numpy() for point in points]),
            needs=8.0 * K * d * d,
            **agree,
        ),
        Rival(
            name="central differences of posterior_mean",
            call=lambda: _by_differences(
                lambda rows: posterior_mean(rows, centres, noise, variance=variance), x, 1e-5
            ),
            error=_spectral,
            tolerance=1e-7,
            note="step 1e-5",
        ),
        Rival(
            name="NumPy, second moments of all points at once",
            call=by_moments,
            note="cancels where the centres are far from the origin, which ours does not",
            **agree,
        ),
    ]
    return Sides(lambda: posterior_jacobian(x, centres, noise, variance=variance), rivals)


CONTESTS = [
    Contest(
        "gradient on samples",
        "impl.score_matching_gradient",
        _gradient,
        [{"n": 4e5, "d": 64}, {"n": 1e5, "d": 256}],
        {"n": 500, "d": 5},
    ),
    Contest(
        "EM step",
        "impl.spherical_em_step",
        _em_step,
        [
            {"n": 4e5, "d": 64, "K": 2},
            {"n": 4e5, "d": 64, "K": 16},
            {"n": 1e5, "d": 8, "K": 2},
            {"n": 1e5, "d": 8, "K": 16},
        ],
        {"n": 500, "d": 4, "K": 3},
    ),
    Contest(
        "population gradient",
        "theory.ddpm_descent",
        _population,
        [{"d": 1000, "samples": 4000, "accuracy": 1e-4}],
        {"d": 30, "samples": 3000, "accuracy": 1e-2},
    ),
    Contest("population EM map", "theory.em_map", _em_map, [{"d": 1000}], {"d": 4}),
    Contest("G", "theory.em_residual", _em_residual, [{"d": 1000}], {"d": 4}),
    Contest(
        "gradient on fresh samples",
        "impl.empirical_gradient",
        _empirical,
        [{"n": 2e5, "d": 64}],
        {"n": 2000, "d": 3},
    ),
    Contest(
        "top eigenpair",
        "impl.reduced_draws",
        _spiked,
        [
            {"n": 300, "p": 300, "spike": 4.0, "draws": 1000},
            {"n": 2000, "p": 2000, "spike": 4.0, "draws": 1000},
            {"n": 1e9, "p": 1e9, "spike": 4.0, "draws": 1000},
        ],
        {"n": 60, "p": 50, "spike": 8.0, "draws": 1000},
    ),
    Contest(
        "chain of projections",
        "impl.chain_products",
        _chain_products,
        [{"n": 400, "p": 300, "T": 20, "draws": 200}],
        {"n": 40, "p": 30, "T": 3, "draws": 400},
    ),
    Contest(
        "samples through a chain",
        "impl.chain_samples",
        _chain_samples,
        [{"n": 400, "p": 300, "T": 20, "size": 100}],
        {"n": 40, "p": 30, "T": 3, "size": 20},
    ),
    Contest(
        "chain mean",
        "impl.chain_moment_map",
        _chain_mean,
        [{"n": 400, "p": 300, "draws": 2000}],
        {"n": 40, "p": 30, "draws": 4000},
    ),
    Contest(
        "reverse process",
        "impl.reverse_covariance",
        _reverse,
        [{"n": 500, "d": 64, "N": 50}],
        {"n": 40, "d": 5, "N": 10},
    ),
    # The networks that the claims train.
    Contest(
        "Jacobian spectrum of a denoiser",
        "impl.network_jacobians",
        functools.partial(_network_jacobians, "mlp"),
        [{"n": 64, "d": 64, "width": 256, "depth": 3}],
        {"n": 3, "d": 9, "width": 7, "depth": 2},
    ),
    Contest(
        "Jacobian spectrum of a blind denoiser",
        "impl.network_jacobians",
        functools.partial(_network_jacobians, "conv"),
        [{"n": 64, "d": 64, "width": 16, "depth": 4}],
        {"n": 3, "d": 9, "width": 3, "depth": 2},
    ),
    Contest(
        "Jacobian spectrum of a posterior mean",
        "impl.posterior_jacobian",
        _posterior_jacobian,
        [{"n": 64, "K": 1000, "d": 64}],
        {"n": 3, "K": 10, "d": 4},
    ),
]


def by_name(name: str) -> Contest:
    """Return the contest of that name."""
    return next(contest for contest in CONTESTS if contest.name == name)
