"""The REST API of this floor, one module for each subject. ``ROUTES`` is what the router mounts."""

from oncall.api import absences, directory, on_call, paging, policies, readiness, schedules, swaps

ROUTES = [
    *schedules.ROUTES,
    *readiness.ROUTES,
    *on_call.ROUTES,
    *directory.ROUTES,
    *policies.ROUTES,
    *paging.ROUTES,
    *swaps.ROUTES,
    *absences.ROUTES,
]
