import os
import threading
import time

import pytest
from django.db import connection, transaction

from oncall.messaging import doorbell
from oncall.messaging.doorbell import Listener, ring

pytestmark = pytest.mark.django_db


@pytest.fixture
def engine():
    """A listening engine."""
    with Listener() as listener:
        listener.wait(0.01)  # opens it, and on PostgreSQL says that it may have missed a ring
        yield listener


@pytest.mark.django_db(transaction=True)
def test_a_commit_wakes_the_engine(engine):
    with transaction.atomic():
        ring()
        before = engine.wait(0.02)

    assert (before, engine.wait(2)) == (False, True)


def test_a_ring_wakes_an_engine_that_is_waiting_already(engine):
    bell = threading.Timer(0.05, ring_and_leave)
    started = time.monotonic()
    bell.start()

    assert engine.wait(5)
    assert time.monotonic() - started < 1
    bell.join()


def ring_and_leave() -> None:
    ring()
    connection.close()


def ring_elsewhere() -> None:
    """On another connection, since that of the test never commits."""
    bell = threading.Thread(target=ring_and_leave)
    bell.start()
    bell.join()


def test_a_rollback_wakes_nobody(django_capture_on_commit_callbacks):
    capture = django_capture_on_commit_callbacks()

    with capture as callbacks, pytest.raises(ZeroDivisionError), transaction.atomic():
        ring()
        _ = 1 / 0

    assert callbacks == []


def test_several_rings_of_one_transaction_are_one(django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks() as callbacks:
        for _ in range(100):
            ring()

    assert len(callbacks) == 1


def test_it_says_what_was_rung_for(engine, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks() as callbacks:
        ring(doorbell.PUBLIC)
        ring(doorbell.PUBLIC)
    assert len(callbacks) == 1

    bell = threading.Thread(target=lambda: (ring(doorbell.PUBLIC), connection.close()))
    bell.start()
    bell.join()

    assert engine.wait(2) and engine.heard == {doorbell.PUBLIC}


def test_every_engine_hears_the_ring(engine):
    with Listener() as second:
        second.wait(0.01)

        ring_elsewhere()

        assert (engine.wait(2), second.wait(2)) == (True, True)


def test_ringing_where_nobody_listens_is_harmless():
    ring_elsewhere()


def test_silence_is_no_ring(engine):
    started = time.monotonic()

    assert not engine.wait(0.1)
    assert time.monotonic() - started >= 0.09


def test_a_bell_that_broke_is_mended(engine):
    """The socket's file was deleted, or the database has restarted."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [engine._bell._own.connection.info.backend_pid])
    else:
        engine._bell._path.unlink()
    while not engine.wait(0.05) and is_out(engine):
        pass

    ring_elsewhere()

    assert engine.wait(2)


def is_out(engine: Listener) -> bool:
    bell = engine._bell
    return bell._own.connection is None if connection.vendor == "postgresql" else not bell._path.exists()


def test_the_socket_of_a_dead_engine_is_removed(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    bell = doorbell._Socket()
    bell.wait(0)
    bell._socket.close()  # killed: the file stays

    doorbell._ring_sockets()

    assert not bell._path.exists()


def test_a_data_dir_with_a_long_path_still_has_a_bell(settings, tmp_path):
    settings.DATA_DIR = tmp_path / ("long" * 40)
    bell = doorbell._Socket()
    bell.wait(0)

    doorbell._ring_sockets()

    assert bell.wait(2)
    assert len(os.fsencode(bell._path)) < 104
    bell.close()


def test_a_full_bell_does_not_block_the_ringer(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    bell = doorbell._Socket()
    bell.wait(0)
    started = time.monotonic()

    for _ in range(2000):
        doorbell._ring_sockets()

    assert time.monotonic() - started < 2
    assert bell.wait(0)
    assert not bell.wait(0)
    bell.close()
