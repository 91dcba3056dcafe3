"""Who has answered a page and who has not, where a step asks everyone and one answer is not the last (rule 17)."""

from collections.abc import Iterable
from dataclasses import dataclass

from oncall.models import Page, User
from oncall.upcoming import listed


@dataclass(frozen=True)
class Answers:
    """Who has acknowledged a page, who of those who must has not, and everybody whom it has reached."""

    answered: tuple[User, ...] = ()
    awaited: tuple[User, ...] = ()
    reached: tuple[User, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.answered)

    @property
    def words(self) -> str:
        return words(self.answered, self.awaited)


def answers(page: Page) -> Answers:
    """Of this cycle of the page, in the order of being paged; deactivated people are not waited for.

    No query where the page comes from ``Page.objects.with_told()``.
    """
    rows = page.told if hasattr(page, "told") else page.notified.select_related("user").order_by("pk")
    told = [row for row in rows if row.cycle == page.cycle]
    answered = {row.user for row in told if row.acknowledged_at}
    must = [row.user for row in told if row.must_acknowledge and row.user.is_active]
    return Answers(
        answered=tuple(dict.fromkeys(row.user for row in told if row.user in answered)),
        awaited=tuple(dict.fromkeys(user for user in must if user not in answered)),
        reached=tuple(dict.fromkeys(row.user for row in told)),
    )


def in_part(page: Page) -> Answers:
    """The same of a page that waits for the others; nothing of any other."""
    return answers(page) if page.state in Page.WAITING else Answers()


def words(answered: Iterable[User], awaited: Iterable[User]) -> str:
    """``Alice answered · Bob and Carol have not``; empty where nobody has."""
    answered, awaited = list(dict.fromkeys(answered)), list(dict.fromkeys(awaited))
    if not answered:
        return ""
    rest = f" · {listed(map(str, awaited))} {'has' if len(awaited) == 1 else 'have'} not" if awaited else ""
    return f"{listed(map(str, answered))} answered{rest}"
