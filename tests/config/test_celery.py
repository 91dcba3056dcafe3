import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import override_settings

from config import pulse
from config.env import Misconfigured

with override_settings(REDIS_URL="redis://127.0.0.1:1/0"):
    from config import celery

ROOT = Path(__file__).resolve().parents[2]
LINES = [
    pulse.Line("oncall.advance_pages", pulse.SECOND, lambda *, now: 0, "Pages.", "pages"),
    pulse.Line("postmortems.remind_owners", timedelta(minutes=5), lambda *, now: 0, "Reminds."),
]


@pytest.fixture
def app():
    return celery.make_app("redis://127.0.0.1:1/0", LINES)


def test_each_line_is_one_task_and_one_beat_entry(app):
    ours = {name for name in app.tasks if not name.startswith("celery.")}

    assert ours == set(app.conf.beat_schedule) == {line.name for line in LINES}


def test_beat_rings_each_line_in_its_period(app):
    assert [app.conf.beat_schedule[line.name]["schedule"] for line in LINES] == [
        line.period for line in LINES
    ]


def test_a_tick_that_was_missed_is_dropped(app):
    assert [app.conf.beat_schedule[line.name]["options"]["expires"] for line in LINES] == [2.0, 300.0]


def test_pages_never_queue_behind_the_rest(app):
    routes = [app.amqp.router.route({}, line.name)["queue"].name for line in LINES]

    assert routes == ["page", "default"]


def test_a_worker_without_options_serves_both_queues(app):
    assert set(app.amqp.queues.consume_from) == {"page", "default"}


def test_the_broker_keeps_nothing_of_ours(app):
    assert (app.conf.task_ignore_result, app.conf.result_backend, app.conf.accept_content) == (
        True,
        None,
        ["json"],
    )


def test_a_task_comes_back_only_after_its_time_limit(app):
    assert app.conf.broker_transport_options["visibility_timeout"] > app.conf.task_time_limit


def test_a_task_takes_a_turn_of_its_line(app, monkeypatch):
    turns = []
    monkeypatch.setattr(pulse, "turn", turns.append)

    app.tasks["oncall.advance_pages"]()

    assert turns == [LINES[0]]


def test_refuses_to_start_without_redis():
    with pytest.raises(Misconfigured, match="REDIS_URL"):
        celery.make_app("", LINES)


def test_the_web_server_does_not_load_celery():
    code = "import config.wsgi, sys; sys.exit('celery' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
