"""The claims: papers' statements with the evidence that decides them."""

from importlib.resources import files

from lemmata.checks import (
    dtz,
    n08,
    sck_em,
    sck_gradient,
    sck_power,
    sck_score,
    sck_stein,
    sck_taylor,
)
from lemmata.harness.claim import Registry
from lemmata.harness.suite import Suite, read_expected

__all__ = ["SUITE"]

SUITE = Suite(
    Registry(
        claim
        for module in (
            sck_score,
            sck_stein,
            sck_gradient,
            sck_taylor,
            sck_power,
            sck_em,
            dtz,
            n08,
        )
        for claim in module.CLAIMS
    ),
    read_expected(files("lemmata.checks").joinpath("expected.toml")),
)
