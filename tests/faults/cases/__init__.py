"""The faults of field/reliability.md section 3, each driven from outside. ``CASES`` says on which databases."""

from collections.abc import Callable

from tests.faults.cases.database import long_locks, slow_database, stop_the_database
from tests.faults.cases.mail import mail_server_down, mail_server_moods
from tests.faults.cases.newsletter import kill_the_fan_out
from tests.faults.cases.processes import (
    freeze_the_engine,
    idle_engine,
    kill_the_engine,
    kill_the_web,
    many_at_once,
    stop_and_start,
)
from tests.faults.cases.redis import fill_redis, flush_redis, freeze_redis, stop_redis
from tests.faults.cases.storms import clock_jumps, poison, storm
from tests.faults.stage import Outcome

BOTH, POSTGRES = ("sqlite", "postgresql"), ("postgresql",)

CASES: list[tuple[Callable[..., Outcome], tuple[str, ...]]] = [
    (kill_the_engine, BOTH),
    (kill_the_web, BOTH),
    (stop_and_start, BOTH),
    (stop_the_database, POSTGRES),
    (flush_redis, POSTGRES),
    (stop_redis, POSTGRES),
    (freeze_redis, POSTGRES),
    (fill_redis, POSTGRES),
    (mail_server_down, BOTH),
    (mail_server_moods, BOTH),
    (clock_jumps, BOTH),
    (storm, BOTH),
    (many_at_once, POSTGRES),
    (slow_database, POSTGRES),
    (long_locks, POSTGRES),
    (poison, BOTH),
    (freeze_the_engine, POSTGRES),
    (kill_the_fan_out, BOTH),
    (idle_engine, POSTGRES),
]
