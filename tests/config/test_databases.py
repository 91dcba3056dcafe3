import pytest
from django.contrib.auth.models import Group, Permission


@pytest.mark.django_db(transaction=True)
def test_what_migrations_ship_comes_back_after_a_flush(pristine):
    groups, permissions = Group.objects.count(), Permission.objects.count()
    Group.objects.all().delete()

    pristine.put_back()

    assert (Group.objects.count(), Permission.objects.count()) == (groups, permissions)
    assert groups > 0
