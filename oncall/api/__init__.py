"""The REST API of this floor, one module for each subject. ``ROUTES`` is what the router mounts."""

from oncall.api import (
    absences,
    directory,
    duty_log,
    load,
    maintenance,
    on_call,
    paging,
    policies,
    readiness,
    schedules,
    swaps,
    ways,
)

ROUTES = [
    *schedules.ROUTES,
    *readiness.ROUTES,
    *on_call.ROUTES,
    *load.ROUTES,
    *duty_log.ROUTES,
    *maintenance.ROUTES,
    *directory.ROUTES,
    *ways.ROUTES,
    *policies.ROUTES,
    *paging.ROUTES,
    *swaps.ROUTES,
    *absences.ROUTES,
]
