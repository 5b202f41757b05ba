"""Every claim's measured verdict is the expected one."""

import pytest

from lemmata.checks import SUITE
from lemmata.harness.pytest_door import ClaimSession


@pytest.mark.parametrize("claim_id", SUITE.registry.ids)
def test_claim(claim_id: str, claim_session: ClaimSession) -> None:
    """One item a claim; the ledger follows at the end of the run."""
    claim_session.check(claim_id)
