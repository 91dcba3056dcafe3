"""The REST API of this floor, one module for each subject. ``ROUTES`` is what the router mounts."""

from oncall.api import absences, directory, maintenance, on_call, paging, policies, schedules, swaps

ROUTES = [
    *schedules.ROUTES,
    *on_call.ROUTES,
    *maintenance.ROUTES,
    *directory.ROUTES,
    *policies.ROUTES,
    *paging.ROUTES,
    *swaps.ROUTES,
    *absences.ROUTES,
]
