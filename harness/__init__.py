"""Machinery that measures verdicts: claims, evidence, ledger and doors; knows no paper."""
