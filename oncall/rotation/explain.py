"""Why this person and not another: every layer and exception at one instant, also those that lost."""

from dataclasses import dataclass
from datetime import datetime

from oncall.rotation.answers import OnCall, active_at, seats_at
from oncall.rotation.duty import Reason, Seat, on_duty, people, with_exceptions
from oncall.rotation.plan import SET, FixedLayer, Layer, Schedule, ScheduleException


@dataclass(frozen=True)
class LayerAnswer:
    """What one layer says at the instant.

    ``seat`` is whose turn it is, None where the layer does not cover; ``offers`` what is left of it after the
    exceptions inside the layer; ``shows`` whether it is these people who are on call.
    """

    layer: Layer | FixedLayer
    seat: Seat | None
    offers: tuple[Reason, ...]
    shows: bool

    @property
    def people(self) -> tuple[str, ...]:
        """Whom the layer offers, in order of name."""
        return people(self.offers)


@dataclass(frozen=True)
class Explanation:
    """The answer, the layers from the highest priority down, and the exceptions that hold."""

    on_call: OnCall
    layers: tuple[LayerAnswer, ...]
    exceptions: tuple[ScheduleException, ...]


def explain(schedule: Schedule, at: datetime) -> Explanation:
    """Layer by layer, why these people are on call at ``at``."""
    seats, active = seats_at(schedule, at), active_at(schedule, at)
    reasons = on_duty(schedule, seats, active)
    decided = any(exception.kind == SET and not exception.layer for exception in active)
    layers = []
    for level in schedule.levels:
        offers = {i: with_exceptions(schedule.all_layers[i], seats[i], active) for i in level}
        for i in level:
            shows = not decided and bool(people(offers[i]))
            layers.append(LayerAnswer(schedule.all_layers[i], seats[i], offers[i], shows))
        decided = decided or any(people(offer) for offer in offers.values())
    return Explanation(OnCall(at, people(reasons), reasons), tuple(layers), tuple(active))
