"""The REST API of this floor, one module for each subject. ``ROUTES`` is what the router mounts."""

from oncall.api import on_call, schedules

ROUTES = [*schedules.ROUTES, *on_call.ROUTES]
