"""One thread a process for the numerical libraries; imports nothing, so that it can come first."""

import os

__all__ = ["limit_threads"]


def limit_threads() -> None:
    """Ask BLAS and OpenMP for one thread, unless the user has asked for something else.

    Must run before the numerical libraries load. The jobs share the cores already, and sums keep
    one order whatever the number of cores.
    """
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
