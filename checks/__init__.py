"""The claims: papers' statements with the evidence that decides them."""

from importlib.resources import files

from lemmata.checks import (
    dtz_contraction,
    dtz_fixed,
    dtz_line,
    dtz_map,
    dtz_steps,
    n08,
    n08_finite,
    n08_limits,
    n08_reduction,
    sck_angle,
    sck_chain,
    sck_contraction,
    sck_decay,
    sck_display,
    sck_em,
    sck_em_limits,
    sck_fact5,
    sck_fact5_pair,
    sck_first_display,
    sck_gradient,
    sck_invariance,
    sck_iterate,
    sck_kappa,
    sck_lemma8,
    sck_loss,
    sck_polynomial,
    sck_power,
    sck_process,
    sck_regimes,
    sck_remainder,
    sck_residual,
    sck_samples,
    sck_score,
    sck_small_noise,
    sck_spectrum,
    sck_stein,
    sck_symmetry,
    sck_target,
    sck_taylor,
    wdmg_angles,
    wdmg_chain,
    wdmg_denoiser,
    wdmg_limit,
    wdmg_power,
    wdmg_sampler,
    wdmg_schedule,
    wdmg_spiked,
)
from lemmata.harness.claim import Claim, Registry
from lemmata.harness.suite import Suite, read_expected

__all__ = ["SUITE"]

_MODULES = (
    sck_process,
    sck_score,
    sck_stein,
    sck_loss,
    sck_first_display,
    sck_gradient,
    sck_symmetry,
    sck_taylor,
    sck_remainder,
    sck_polynomial,
    sck_power,
    sck_lemma8,
    sck_display,
    sck_samples,
    sck_spectrum,
    sck_invariance,
    sck_kappa,
    sck_angle,
    sck_iterate,
    sck_chain,
    sck_fact5,
    sck_fact5_pair,
    sck_small_noise,
    sck_target,
    sck_em,
    sck_residual,
    sck_decay,
    sck_regimes,
    sck_em_limits,
    sck_contraction,
    dtz_map,
    dtz_fixed,
    dtz_line,
    dtz_contraction,
    dtz_steps,
    n08,
    n08_limits,
    n08_finite,
    n08_reduction,
    wdmg_denoiser,
    wdmg_spiked,
    wdmg_angles,
    wdmg_chain,
    wdmg_limit,
    wdmg_schedule,
    wdmg_power,
    wdmg_sampler,
)

_PAPERS = ("SCK", "DTZ", "N08", "WDMG", "REV")


def _in_the_order_of_the_papers(claim: Claim) -> tuple[int, int]:
    """Sort key: paper, then number; rows of one number stay as they are declared."""
    paper, number = claim.id.split(":")[0].split("-")
    return _PAPERS.index(paper), int("".join(filter(str.isdigit, number)))


SUITE = Suite(
    Registry(
        sorted(
            (claim for module in _MODULES for claim in module.CLAIMS),
            key=_in_the_order_of_the_papers,
        )
    ),
    read_expected(files("lemmata.checks").joinpath("expected.toml")),
)
