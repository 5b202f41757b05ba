"""Claims and registries: what may be declared, and what is refused."""

from __future__ import annotations

import dataclasses

import pytest

from lemmata.harness.claim import ClaimError, Emptiness, Registry, Verdict
from lemmata.harness.evidence import Outcome


@pytest.mark.parametrize(
    "claim_id", ["SCK-15", "SCK-12a", "N08-1", "DTZ-2", "WDMG-08:fixed", "SCK-28:two-sided"]
)
def test_id_of_a_printed_claim(toys, claim_id):
    claim = toys.claim(claim_id)
    assert claim.variant == "printed"
    assert claim.family == claim_id.split(":")[0]


@pytest.mark.parametrize("claim_id", ["SCK-15r", "SCK-12ar", "SCK-15r:other"])
def test_id_of_a_repaired_claim(toys, claim_id):
    claim = toys.claim(claim_id, repairs="SCK-15")
    assert claim.variant == "repaired"
    assert claim.family in {"SCK-15", "SCK-12a"}
    with pytest.raises(ClaimError, match=r"repairs: .*exactly if its id ends in r"):
        toys.claim(claim_id)


@pytest.mark.parametrize("claim_id", ["SCK-15", "SCK-12a", "SCK-15:repair", "SCK-15:r"])
def test_only_an_id_in_r_repairs(toys, claim_id):
    with pytest.raises(ClaimError, match="repairs: "):
        toys.claim(claim_id, repairs="SCK-16")


@pytest.mark.parametrize(
    "claim_id",
    [
        "",
        "SCK",
        "SCK15",
        "SCK-",
        "-15",
        "sck-15",
        "8A-1",
        "SCK-15R",
        "SCK-15ab",
        "SCK-15ra",
        "SCK-15:",
        "SCK-15:Fixed",
        "SCK-15:a:b",
        "SCK-15 ",
        "SCK-15\n",
        "SCK-1/5",
        "SCK-\u0661",
    ],
)
def test_malformed_id(toys, claim_id):
    with pytest.raises(ClaimError) as caught:
        toys.claim(claim_id)
    assert str(caught.value).startswith(f"id: {claim_id!r}")


def test_a_claim_without_evidence_is_refused(toys):
    with pytest.raises(ClaimError, match="evidence: claim TOY-1 has none"):
        type(toys.claim())(id="TOY-1", title="", source="", statement="", evidence=())


@pytest.mark.parametrize("routes", [(), ("",), ("balls", " ")])
def test_evidence_that_does_not_say_what_met_is_refused(toys, routes):
    evidence = dataclasses.replace(toys.evidence("holds"), routes=routes)
    with pytest.raises(ClaimError, match=r"^routes: evidence of TOY-1"):
        toys.claim("TOY-1", evidence)
    with pytest.raises(ClaimError, match=r"^routes: evidence of TOY-1"):
        toys.claim("TOY-1", empty=Emptiness(why="zero", evidence=(evidence,)))


@pytest.mark.parametrize(("why", "pieces"), [("", 1), ("zero does as well", 0)])
def test_emptiness_without_demonstration_is_refused(toys, why, pieces):
    with pytest.raises(ClaimError, match=r"^empty: "):
        Emptiness(why=why, evidence=(toys.evidence("holds"),) * pieces)


def test_an_outcome_is_refuted_exactly_if_it_has_a_witness(toys):
    witness = toys.outcome("refuted").witness
    with pytest.raises(ValueError, match="witness: a refuted outcome came with witness None"):
        Outcome("search", Verdict.REFUTED, "")
    for verdict in (Verdict.HOLDS, Verdict.UNDECIDED):
        with pytest.raises(ValueError, match=f"witness: a {verdict} outcome"):
            Outcome("search", verdict, "", {}, witness)


def test_registry_keeps_the_order_and_finds_by_id(toys):
    claims = [toys.claim(name) for name in ("B-2", "A-1", "C-3")]
    registry = Registry(claims)
    assert registry.ids == ("B-2", "A-1", "C-3")
    assert list(registry) == claims
    assert len(registry) == 3
    assert "A-1" in registry
    assert "A-2" not in registry
    assert registry["A-1"] is claims[1]
    with pytest.raises(ClaimError, match="unknown claim 'A-2'"):
        registry["A-2"]


def test_an_id_declared_twice_is_refused(toys):
    with pytest.raises(ClaimError, match="id: A-1 is declared twice"):
        Registry([toys.claim("A-1"), toys.claim("B-1"), toys.claim("A-1")])


@pytest.mark.parametrize(
    ("claim_id", "fields"),
    [("A-2", {"needs": ("A-1", "Z-9")}), ("A-1r", {"repairs": "Z-9"})],
)
def test_a_reference_to_nothing_is_refused(toys, claim_id, fields):
    with pytest.raises(ClaimError, match=f"claim {claim_id} refers to Z-9, which is not declared"):
        Registry([toys.claim("A-1"), toys.claim(claim_id, **fields)])


def test_a_claim_cannot_repair_itself(toys):
    with pytest.raises(ClaimError, match=r"repairs: .*A-1r"):
        Registry([toys.claim("A-1r", repairs="A-1r")])


def test_needs_may_be_declared_in_any_order(toys):
    registry = Registry(
        [
            toys.claim("A-1", needs=("A-2", "A-3")),
            toys.claim("A-2", needs=("A-4",)),
            toys.claim("A-3", needs=("A-4",)),
            toys.claim("A-4"),
        ]
    )
    ancestors = registry.ancestors("A-1")
    assert sorted(ancestors) == ["A-2", "A-3", "A-4"]
    assert registry.ancestors("A-3") == ("A-4",)
    assert registry.ancestors("A-4") == ()


@pytest.mark.parametrize(
    ("needs", "circle"),
    [
        ({"A-1": ("A-1",)}, "A-1 -> A-1"),
        ({"A-1": ("A-2",), "A-2": ("A-1",)}, "A-1 -> A-2 -> A-1"),
        # Not through the claim that is looked at first.
        ({"A-1": ("A-2",), "A-2": ("A-3",), "A-3": ("A-2",)}, "A-2 -> A-3 -> A-2"),
    ],
)
def test_needs_in_a_circle_are_refused(toys, needs, circle):
    with pytest.raises(ClaimError, match=rf"needs: .*{circle} is a circle"):
        Registry([toys.claim(name, needs=others) for name, others in needs.items()])


@pytest.fixture
def registry(toys):
    names = ("SCK-05", "SCK-12a", "SCK-12b", "SCK-28", "SCK-28:two-sided", "N08-1")
    return Registry([toys.claim(name) for name in names])


@pytest.mark.parametrize(
    ("patterns", "chosen"),
    [
        ((), ["SCK-05", "SCK-12a", "SCK-12b", "SCK-28", "SCK-28:two-sided", "N08-1"]),
        (("SCK-28",), ["SCK-28"]),
        (("SCK-12?",), ["SCK-12a", "SCK-12b"]),
        (("SCK-12[!a]",), ["SCK-12b"]),
        (("*:*",), ["SCK-28:two-sided"]),
        # Each once, in the order of their declaration.
        (
            ("N08-*", "SCK-28*", "SCK-28", "SCK-05"),
            ["SCK-05", "SCK-28", "SCK-28:two-sided", "N08-1"],
        ),
    ],
)
def test_select(registry, patterns, chosen):
    assert [claim.id for claim in registry.select(patterns)] == chosen


@pytest.mark.parametrize("pattern", ["SCK-5", "sck-05", "SCK", "X-*", ""])
def test_select_refuses_a_pattern_without_match(registry, pattern):
    with pytest.raises(ClaimError) as caught:
        registry.select(["SCK-05", pattern])
    assert f"unknown claim {pattern!r}" in str(caught.value)
