"""Largest eigenpairs of stacks of dense symmetric matrices, by LAPACK."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.linalg.lapack import dsyevr, dsyevr_lwork

__all__ = ["check_gram", "largest_pairs"]

# The smaller side of the data: its Gram matrix takes 512 MiB at this size.
_LARGEST_GRAM = 1 << 13

# Up to this order a stack in one call is faster; beyond, one by one but the wanted pairs only.
_STACKED = 20

Array = npt.NDArray[np.float64]


def check_gram(n: int, p: int, instead: str) -> None:
    """Refuse data whose Gram matrix is too large to hold; say what takes any size instead."""
    if min(n, p) > _LARGEST_GRAM:
        msg = f"n and p must not both exceed {_LARGEST_GRAM} here, got {n} and {p}; {instead}"
        raise ValueError(msg)


def largest_pairs(matrices: Array, wanted: int) -> tuple[Array, Array]:
    """
    Return the largest eigenvalues, falling, and their unit eigenvectors by columns.

    `matrices` has shape (N, m, m) and is overwritten; the results have shapes (N, w) and
    (N, m, w), where w is `wanted` or m if that is less.
    """
    count, order, _ = matrices.shape
    kept = min(wanted, order)
    if order <= _STACKED:
        all_values, all_vectors = np.linalg.eigh(matrices)
        return all_values[:, : -kept - 1 : -1], all_vectors[:, :, : -kept - 1 : -1]
    values, vectors = np.empty((count, kept)), np.empty((count, order, kept))
    # Work space once for all; the wrapper of SciPy would ask for it each time.
    real, whole, _ = dsyevr_lwork(order)
    for i in range(count):
        found, columns, _, _, failed = dsyevr(
            matrices[i],
            range="I",
            il=order - kept + 1,
            iu=order,
            lwork=int(real),
            liwork=int(whole),
            overwrite_a=True,
        )
        if failed:
            msg = f"LAPACK found no eigenpairs of a matrix of order {order}, info {failed}"
            raise np.linalg.LinAlgError(msg)
        values[i], vectors[i] = found[kept - 1 :: -1], columns[:, kept - 1 :: -1]
    return values, vectors
