"""How a callback is answered: briefly, and with the status that says why nothing was done."""

from django.http import HttpResponse, JsonResponse

from oncall.messaging.callbacks import Outcome

_STATUS = {
    Outcome.UNSIGNED: 403,
    Outcome.FORGED: 403,
    Outcome.UNKNOWN: 404,
    Outcome.REPEATED: 409,
    Outcome.LATE: 410,
    Outcome.WRONG: 422,
    Outcome.LIMITED: 429,
}


def taken() -> HttpResponse:
    """It counted, or said nothing new."""
    return HttpResponse(status=204)


def refused(outcome: str) -> HttpResponse:
    """Nothing was done."""
    outcome = Outcome(outcome)
    return JsonResponse({"error": outcome.label}, status=_STATUS[outcome])
