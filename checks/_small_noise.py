"""What the claims on small noise share: step sizes, and searches that ask balls often."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from hypothesis import strategies as st

from lemmata.checks._compare import equality_search
from lemmata.harness.domain import log_uniform
from lemmata.harness.search import Search

__all__ = ["EFFECT", "EFFORT", "length", "light_equality", "with_step_size"]

#: Of a share of the gradients' moments; SCK-09r has tested the gradients more finely.
EFFECT = 0.03

#: Share of the profile's points: balls are asked at many, where mu cancels down to |mu|^3.
EFFORT = 0.25


def light_equality(domain: Any, **rest: Any) -> Search:
    """An equality on a share of the profile's points."""
    return dataclasses.replace(equality_search(domain, **rest), effort=EFFORT)


def with_step_size(strategy: Any, largest: float = 1e2) -> Any:
    """Points with a step size eta besides: the displays name no largest one."""
    sizes = log_uniform(1e-6, largest)
    return st.builds(lambda point, eta: {**point, "eta": eta}, strategy, sizes)


def length(vector: Any) -> float:
    """Euclidean norm."""
    return float(np.linalg.norm(vector))
