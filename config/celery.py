"""Celery: the same pulse on as many machines as you like.

Beat rings each line of ``config.pulse`` in its period and workers run it. The database stays the queue: a
task carries nothing but its name, a lost one is rung again, a late one is dropped. Sources of the settings:
field/stack.md section 6, field/reliability.md section 2.
"""

import os

import django
from celery import Celery, Task
from django.conf import settings
from kombu import Queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from config import env, pulse  # noqa: E402  needs the models

#: Longest a line may take; the broker gives a task to somebody else only after that.
TIME_LIMIT_S = 60
#: Lines that page or deliver never queue behind the rest.
LANE_QUEUES = {"alerts": "page", "pages": "page", "messages": "page", "audit": "page"}


def make_app(redis_url: str, lines: list[pulse.Line]) -> Celery:
    """The Celery application: one task for each line, beat's schedule from the same list."""
    if not redis_url:
        raise env.Misconfigured("Celery needs REDIS_URL; without Redis run `manage.py engine` instead.")
    app = Celery("config", broker=redis_url, set_as_current=True)
    app.conf.update(
        timezone="UTC",
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        result_backend=None,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_time_limit=TIME_LIMIT_S,
        task_soft_time_limit=TIME_LIMIT_S - 10,
        task_default_queue="default",
        task_queues=[Queue("page"), Queue("default")],
        task_routes={line.name: {"queue": LANE_QUEUES.get(line.lane, "default")} for line in lines},
        task_publish_retry_policy={"max_retries": 1, "interval_start": 0, "interval_max": 0.2},
        # A relay that hangs holds one process; four leave some for the pages.
        worker_concurrency=max(4, os.cpu_count() or 1),
        worker_prefetch_multiplier=1,
        worker_soft_shutdown_timeout=8,
        worker_cancel_long_running_tasks_on_connection_loss=True,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "visibility_timeout": 2 * TIME_LIMIT_S,
            "unacked_restore_interval": 5,
            "unacked_restore_throttle": 1,
            "socket_keepalive": True,
            "socket_connect_timeout": 2,
            "health_check_interval": 30,
        },
        beat_schedule_filename=str(settings.DATA_DIR / "celerybeat-schedule"),
        beat_schedule={
            line.name: {
                "task": line.name,
                "schedule": line.period,
                # After an outage the ticks that were missed are not caught up: one does the work of all.
                "options": {"expires": max(2.0, line.period.total_seconds())},
            }
            for line in lines
        },
    )
    # Celery's own Django fixup closes the connection after each task; opening one costs more than a tick.
    app.conf["CELERY_DB_REUSE_MAX"] = 500
    for line in lines:
        _make_task(app, line)
    return app


def _make_task(app: Celery, line: pulse.Line) -> Task:
    @app.task(name=line.name, shared=False)
    def run() -> None:
        pulse.turn(line)

    run.__doc__ = line.what
    return run


app = make_app(settings.REDIS_URL, pulse.LINES)
