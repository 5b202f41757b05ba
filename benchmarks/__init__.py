"""Benchmarks: suites for asv in `kernels`, and the scripts `peers`, `growth` and `bounds`.

All are single-threaded.
"""

from __future__ import annotations

import contextlib
import os

# For the libraries that are still to be loaded,
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

# and for those that came before: asv imports NumPy first.
with contextlib.suppress(ImportError):
    from threadpoolctl import threadpool_limits

    threadpool_limits(1)
