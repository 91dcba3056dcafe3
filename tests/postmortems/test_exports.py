from datetime import date

from postmortems import actions, exports
from tests.postmortems.conftest import AT


def test_one_file_holds_everything(draft, alice, bob):
    action = actions.add(
        draft, title="Add a limit", owner=bob, priority="low", due_on=date(2026, 3, 20), by=alice, at=AT
    )
    actions.finish(action, by=bob, at=AT)

    text = exports.markdown(draft)

    assert text.startswith(f"# {draft.incident.key}: Checkout down")
    assert "## In short\n\nIt ran out of connections." in text
    assert "- [x] Add a limit (Bob, by 2026-03-20)" in text
    assert "### Milestones" in text
