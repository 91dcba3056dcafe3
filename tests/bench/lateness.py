"""How late a due step is with a thousand open pages, and what an engine costs that has nothing to do."""

import time

from tests.bench.figures import POSTGRES, cpu_s, each_database, spent_s, tell
from tests.faults.stage import Stage, database_of_kind, stage
from tests.flow.portal import Portal, Relay

PAGES = 1000
OVER_S = 60
IDLE_S = 20


def lateness() -> None:
    """A thousand pages fall due within a minute; two engines on PostgreSQL, as two workers are."""
    for kind in ("sqlite", "postgresql") if POSTGRES.startswith("postgres") else ("sqlite",):
        with database_of_kind(kind) as url, stage(url) as on:
            for n in range(2):
                on.portal.engine(f"engine-{n}")
            on.pages(PAGES, over_s=OVER_S, begin_in_s=5)
            done = on.outcome("lateness", within_s=OVER_S + 60)
            late = _late_steps(on)
            tell(f"due_step_late_p50_{kind}", late[len(late) // 2], "s, 1,000 open pages, two engines")
            tell(
                f"due_step_late_p99_{kind}",
                late[int(len(late) * 0.99) - 1],
                "s, 1,000 open pages, two engines",
            )
            tell(f"due_message_late_p99_{kind}", done.late_s[1], "s until the relay has it")
            tell(f"due_message_lost_{kind}", done.lost, "of 1,000")
            tell(f"due_message_twice_{kind}", done.twice, "of 1,000")


def _late_steps(on: Stage) -> list[float]:
    """Seconds from being due to the step being taken, in order."""
    said = on.portal.python("""
        from oncall.models import Notified

        print(*(f"{one.user.email} {one.at.timestamp()}" for one in Notified.objects.select_related("user")))
        """).split()
    taken = dict(zip(said[::2], map(float, said[1::2]), strict=True))
    return sorted(taken[address] - due for address, due in on.due.items() if address in taken)


def idle() -> None:
    """What the engine spends while nothing is due."""

    def measure(database: str, made: Portal, relay: Relay) -> None:
        made.manage("migrate")
        made.engine("up")
        time.sleep(10)
        before = cpu_s(made)
        time.sleep(IDLE_S)
        tell(
            f"idle_pulse_{database}",
            spent_s(before, cpu_s(made)) / IDLE_S * 100,
            "% of a core, the engine and its database connections",
        )

    each_database(measure)
