"""The mail server is down, or in a bad mood."""

import time

from tests.faults.cases.acting import numbers
from tests.faults.stage import Outcome, database_of_kind, stage


def mail_server_down(kind: str, *, count: int = 80, down_s: float = 20) -> Outcome:
    """3.9: the mail server is away while pages fall due; escalation goes on by time."""
    with database_of_kind(kind) as url, stage(url) as on:
        on.portal.engine()
        on.pages(count, over_s=10)
        on.sink.down()
        time.sleep(down_s)
        stepped = numbers(on, "Page.objects.filter(step__gt=0).values_list('pk', flat=True)")
        on.sink.up()
        done = on.outcome("3.9 mail server down", within_s=90)
        done.notes["stepped_meanwhile"] = len(stepped)
        done.faults += [] if len(stepped) == count else ["escalation waited for the mail server"]
        return done


def mail_server_moods(kind: str, *, count: int = 100) -> Outcome:
    """3.10: some are put off once, one in ten does not exist, one hangs, one is taken and the line dropped."""
    with database_of_kind(kind) as url, stage(url) as on:
        moods = {f"p{n}@example.com": n % 10 for n in range(count)}
        tried: dict[str, int] = {}

        def answer(address: str) -> str:
            tried[address] = tried.get(address, 0) + 1
            mood = moods[address] if tried[address] == 1 else -1
            return {1: "451 later", 2: "drop" if address == "p2@example.com" else ""}.get(mood, "")

        on.sink.answer = answer
        on.sink.refuse = lambda address: "550 nobody" if moods[address] == 3 else ""
        on.portal.engine()
        on.pages(count, over_s=5)
        wants = {address for address, mood in moods.items() if mood != 3}
        done = on.outcome("3.10 mail server's moods", within_s=90, allowed_twice=1, wants=wants)
        gone = [address for address, mood in moods.items() if mood == 3]
        dead = numbers(on, "Delivery.objects.filter(state='dead').values_list('attempt_count', flat=True)")
        done.faults += [] if dead == [1] * len(gone) else [f"refused addresses ended as {dead}"]
        return done
