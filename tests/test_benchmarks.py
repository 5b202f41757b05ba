"""The benchmarks run, and what they compare is the same. Nothing here looks at a clock."""

from __future__ import annotations

import importlib
import inspect
import itertools
import json
import re
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "benchmarks"


def load(name: str) -> ModuleType:
    """Import a module of the benchmarks, which are no part of the package that is installed."""
    if "benchmarks" not in sys.modules:
        spec = spec_from_file_location("benchmarks", FOLDER / "__init__.py")
        assert spec is not None
        assert spec.loader is not None
        package = sys.modules["benchmarks"] = module_from_spec(spec)
        # It holds this process to one thread, which other tests need not be.
        with threadpool_limits(None), pytest.MonkeyPatch.context() as patch:
            for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
                patch.setenv(variable, "1")
            spec.loader.exec_module(package)
    return importlib.import_module(f"benchmarks.{name}")


bounds, contests, growth, kernels, page, peers, timing = map(
    load, ("bounds", "contests", "growth", "kernels", "_page", "peers", "_timing")
)

SUITES = [
    suite
    for _, suite in inspect.getmembers(kernels, inspect.isclass)
    if suite.__module__ == "benchmarks.kernels"
]
MEASURES = re.compile(r"(time|timeraw|mem|peakmem|track)_")


def parameters(suite: type[Any]) -> list[tuple[Any, ...]]:
    """Points of the grid, as asv makes them."""
    grid = suite.params
    if not isinstance(grid[0], list):
        grid = [grid]
    return list(itertools.product(*grid))


def test_every_suite_was_found() -> None:
    assert {path.stem for path in FOLDER.glob("*.py")} >= {"kernels", "peers", "growth", "bounds"}
    assert len(SUITES) >= 12


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.__name__)
def test_suite_fits_its_parameters(suite: type[Any]) -> None:
    points = parameters(suite)
    assert len(suite.param_names) == len(points[0])
    measures = [name for name in vars(suite) if MEASURES.match(name)]
    assert measures
    for name in ("setup", *measures):
        taken = inspect.signature(getattr(suite, name)).parameters
        assert len(taken) == 1 + len(points[0]), name
    # The first point is the smallest.
    instance = suite()
    instance.setup(*points[0])
    for name in measures:
        value = getattr(instance, name)(*points[0])
        if name.startswith("track_"):
            assert np.isfinite(value)


@pytest.mark.parametrize(
    "suite", [suite for suite in SUITES if hasattr(suite, "track_error")], ids=lambda s: s.__name__
)
def test_errors_are_roundings(suite: type[Any]) -> None:
    """At every point: a wrong constant would be tracked as an error of the kernel's."""
    for point in parameters(suite):
        instance = suite()
        instance.setup(*point)
        assert instance.track_error(*point) < 1e-13, point


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.__name__)
def test_suite_skips_commits_without_its_kernel(
    suite: type[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the module is missing, or its name."""
    for error in (ImportError, AttributeError):

        def missing(_name: str, error: type[Exception] = error) -> ModuleType:
            raise error

        monkeypatch.setattr(kernels, "import_module", missing)
        monkeypatch.setattr("importlib.import_module", missing)
        with pytest.raises(NotImplementedError):
            suite().setup(*parameters(suite)[0])
        monkeypatch.undo()


def test_suites_of_networks_skip_environments_without_torch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(NotImplementedError):
        kernels.NetworkJacobians().setup("mlp", 1)
    for name in kernels.Growth.params:
        if name.startswith("network_jacobians"):
            with pytest.raises(NotImplementedError):
                kernels.Growth().setup(name)
        else:
            kernels.Growth().setup(name)
    kernels.PosteriorJacobian().setup(10, 8)


def test_asv_finds_benchmarks_without_the_library(tmp_path: Path) -> None:
    """On any commit, and with NumPy alone, the modules import."""
    code = (
        "import sys, importlib, pkgutil\n"
        "for name in ('lemmata', 'sklearn', 'torch', 'pytest', 'threadpoolctl'):\n"
        "    sys.modules[name] = None\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "import benchmarks\n"
        "for info in pkgutil.iter_modules(benchmarks.__path__):\n"
        "    importlib.import_module('benchmarks.' + info.name)\n"
        "    print(info.name)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "kernels" in done.stdout.split()


@pytest.mark.parametrize("contest", contests.CONTESTS, ids=lambda contest: contest.name)
def test_sides_agree(contest: Any) -> None:
    sides = contest.build(**contest.small)
    ours = sides.ours()
    assert any(rival.error is not None for rival in sides.rivals)
    for rival in sides.rivals:
        theirs = rival.call()
        assert rival.units > 0
        if rival.error is not None:
            assert rival.error(ours, theirs) <= rival.tolerance, rival.name
        else:
            assert rival.tolerance == 0.0


@pytest.mark.parametrize("contest", contests.CONTESTS, ids=lambda contest: contest.name)
def test_sizes_are_those_of_the_contest(contest: Any) -> None:
    names = set(inspect.signature(contest.build).parameters)
    for size in [*contest.sizes, contest.small]:
        assert set(size) == names


def test_wrong_results_and_missing_memory_do_not_compete() -> None:
    def rival(**given: Any) -> Any:
        return contests.Rival(
            **{"name": "other", "call": lambda: 2.0, "error": lambda a, b: abs(a - b)} | given
        )

    assert peers._check(rival(tolerance=1.5), 1.0) == {"error": 1.0, "tolerance": 1.5}
    assert "is off by 1" in peers._check(rival(tolerance=0.5), 1.0)["stopped"]
    assert "is off by nan" in peers._check(rival(error=lambda *_: np.nan), 1.0)["stopped"]
    assert "1e+21 GB" in peers._check(rival(needs=1e30), 1.0)["stopped"]

    def full() -> None:
        raise MemoryError("no room\nfor more")

    assert peers._check(rival(call=full), 1.0) == {"stopped": "MemoryError: no room"}
    assert peers._check(rival(error=None), 1.0) == {}


def test_figures_are_valid_json_and_reach_the_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "benchmarks.md"
    copy.write_text((ROOT / "docs" / "benchmarks.md").read_text())
    for module, name in ((peers, "EM step"), (growth, "em_map"), (bounds, "em_map")):
        figures = tmp_path / "figures.json"
        arguments = [name, "--small", "--json", str(figures), "--write", str(copy)]
        assert module.main(arguments) == 0

        def refuse(constant: str) -> None:
            raise AssertionError(constant)

        result = json.loads(figures.read_text(), parse_constant=refuse)
        assert result["schema"] == 1
        assert {"machine", "python", "numpy"} <= set(result["machine"])
        rows = next(value for value in result.values() if isinstance(value, list))
        assert rows
        text = module.markdown(result)
        assert text in copy.read_text()
        assert text in capsys.readouterr().out
        # Once more gives one table and not two.
        page.put(copy, module.__name__.rpartition(".")[2], text)
        assert copy.read_text().count(text) == 1


@pytest.mark.parametrize("module", [peers, growth, bounds], ids=lambda m: m.__name__)
def test_unknown_names_are_refused(module: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        module.main(["nothing"])
    assert stopped.value.code == 2
    assert "NAME must be one of" in capsys.readouterr().err


def test_the_page_needs_its_marks(tmp_path: Path) -> None:
    empty = tmp_path / "page.md"
    empty.write_text("nothing")
    with pytest.raises(ValueError, match="must have the lines"):
        page.put(empty, "peers", "text")


def test_exponent_of_a_power_law() -> None:
    sizes = [10.0, 100.0, 1000.0, 10_000.0]
    slope, error = growth.exponent(sizes, [3 * size**1.5 for size in sizes])
    assert slope == pytest.approx(1.5)
    assert error < 1e-10
    slope, error = growth.exponent(sizes, [1.0, 10.0, 110.0, 900.0])
    assert abs(slope - 1.0) < 3 * error


@pytest.mark.parametrize("item", growth.GROWTHS, ids=lambda g: f"{g.kernel}-{g.against}")
def test_growth_has_four_decades(item: Any) -> None:
    sizes = item.sizes()
    assert sizes[-1] >= 10**4 * sizes[0]
    assert sizes == sorted(set(sizes))
    item.build(sizes[0])()


@pytest.mark.parametrize("bound", bounds.BOUNDS, ids=lambda b: f"{b.kernel}-{b.at}")
def test_bounds_run(bound: Any) -> None:
    for call in bound.build(True):
        call()


def test_every_call_is_timed_once_a_round() -> None:
    called: list[int] = []
    calls = [lambda: called.append(0), lambda: called.append(1)]
    table = timing.in_turn(calls, budget=0.0, rounds=(4, 4))
    assert table.shape == (4, 2)
    assert (table > 0).all()
    assert set(called) == {0, 1}


def test_peak_memory_is_that_of_the_call() -> None:
    assert timing.peak_bytes(lambda: np.ones(1_000_000)) >= 8_000_000
    assert timing.peak_bytes(lambda: None) < 100_000
