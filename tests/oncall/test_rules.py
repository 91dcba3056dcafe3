"""Every rule of field/oncall.md section 5 has a test whose name is the rule's."""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent.parent
NAME = re.compile(r"^def test_rule_(\d+)_", re.MULTILINE)
#: The auditor, storms and heartbeats are tested with what watches over the engine.
ELSEWHERE = {5, 28, 29, 30, 33}


@pytest.fixture(scope="module")
def tested() -> set[int]:
    return {int(number) for path in TESTS.rglob("test_*.py") for number in NAME.findall(path.read_text())}


@pytest.mark.parametrize("rule", sorted(set(range(1, 35)) - ELSEWHERE))
def test_each_rule_is_tested_by_its_number(tested, rule):
    assert rule in tested
