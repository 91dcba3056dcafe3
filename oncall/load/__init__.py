"""Fair load: who carries how much of the on-call duty, and where duties stand against each other.

    spans      arithmetic on stretches of time (pure)
    counting   one person's duties -> hours, nights, weekends, holidays, pages, by month (pure)
    duties     who was and will be on call: the past from the log, the rest computed
    reports    everybody's figures, and the mean
    conflicts  double bookings across schedules, shifts of people who are away

Source: field/oncall.md section 1.1.
"""

from oncall.load.conflicts import Conflicts, DoubleBooking, Missed, conflicts
from oncall.load.counting import Duty, Figures, Month
from oncall.load.duties import Named, Person, Scope
from oncall.load.reports import Report, Row, report

__all__ = [
    "Conflicts",
    "DoubleBooking",
    "Duty",
    "Figures",
    "Missed",
    "Month",
    "Named",
    "Person",
    "Report",
    "Row",
    "Scope",
    "conflicts",
    "report",
]
