"""The numbers an incident leaves behind: pure functions over plain values.

No ORM, no clock, no settings: instants come in as aware UTC ``datetime``, weights and money as exact
fractions, and what is not known goes out as ``None``, never as zero. Each definition is the one in
field/incidents.md section 3.

    durations     TTD TTA TTM TTR and the other milestone pairs of one incident
    aggregates    many values to one: mean, median, p90, groups, month buckets
    availability  uptime of one component or a group, error budget
    failures      mean time between failures
    calendars     business hours and business days
    clocks        update cadence, SLA clocks, follow-ups, cost
"""
