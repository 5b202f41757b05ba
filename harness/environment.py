"""What a process asks of libraries that read its environment once; imports nothing heavy."""

import os

__all__ = ["keep_freed_memory", "limit_threads"]


def limit_threads() -> None:
    """Ask BLAS and OpenMP for one thread, unless the user has asked for something else.

    Must run before the numerical libraries load. The jobs share the cores already, and sums keep
    one order whatever the number of cores.
    """
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")


def keep_freed_memory() -> None:
    """Ask glibc to keep what processes to come free, unless the user has asked for another thing.

    Arrays of megabytes come and go: given back to the system each time, their pages took a third
    of the time of a network's Jacobians. Other C libraries ignore these names.
    """
    os.environ.setdefault("MALLOC_MMAP_THRESHOLD_", str(1 << 25))
    os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", str(1 << 28))
