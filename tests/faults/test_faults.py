"""The quick part of the fault matrix (``make faults`` plays all of it): small sizes, SQLite."""

import pytest

from tests.faults import cases

pytestmark = pytest.mark.flow

QUICK = [
    (cases.kill_the_web, {"count": 60, "kills": 3}),
    (cases.clock_jumps, {}),
    (cases.poison, {"count": 20}),
]


@pytest.mark.parametrize(("case", "sizes"), QUICK, ids=[case.__name__ for case, _ in QUICK])
def test_nothing_is_lost_and_nothing_goes_out_twice_without_a_kill(case, sizes):
    done = case("sqlite", **sizes)

    assert done.passed, str(done)
