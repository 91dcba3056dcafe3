"""``make faults``: the fault matrix against real processes, one line per case, and the same in var/faults.json.

    python -m tests.faults                     all of them, about half an hour
    python -m tests.faults storm poison        those alone

PostgreSQL takes part where TEST_DATABASE_URL names a server; cases that stop one start their own, and Redis.
"""

import json
import os
import shutil
import sys
import time

from tests.faults.cases import CASES
from tests.faults.stage import PG_BIN, Outcome
from tests.flow.portal import ROOT


def main(chosen: list[str]) -> int:
    """Run the chosen cases; 1 if one of them failed."""
    outcomes = [
        _run(case, database)
        for case, databases in CASES
        if not chosen or case.__name__ in chosen
        for database in databases
        if _can(case.__name__, database)
    ]
    path = ROOT / "var" / "faults.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps([one.as_json() for one in outcomes], indent=1) + "\n")
    return int(not all(one.passed for one in outcomes))


def _run(case, database: str) -> Outcome:
    began = time.monotonic()
    try:
        done = case(database)
    except Exception as error:  # a case that cannot be played to its end has failed; the others go on
        done = Outcome(
            case.__name__, database, expected=0, faults=[f"{type(error).__name__}: {error}"[:2000]]
        )
    done.took_s = round(time.monotonic() - began, 1)
    print(done, flush=True)
    return done


def _can(name: str, database: str) -> bool:
    wants = {"postgresql": os.environ.get("TEST_DATABASE_URL", "").startswith("postgres")}
    able = wants.get(database, True)
    if name == "stop_the_database":
        able = able and PG_BIN is not None
    if "redis" in name or name == "many_at_once":
        able = able and shutil.which("redis-server") is not None
    if not able:
        print(f"skipped {name} on {database}: there is no server for it here", flush=True)
    return able


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
