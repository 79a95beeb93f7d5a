from __future__ import annotations

import pytest
from django.db import connection
from django.db.migrations.writer import MigrationWriter
from django.db.models import F, Func, IntegerField

from hashing.db.expressions import HasKey, VendorFunc
from hashing.models import ImageAsset

TEMPLATE = "LENGTH(%(expressions)s)"


def length(name: str = "image") -> VendorFunc:
    return VendorFunc(F(name), template=TEMPLATE, postgresql=f"100 + {TEMPLATE}", output_field=IntegerField())


def plain(name: str = "image") -> Func:
    return Func(F(name), template=TEMPLATE, output_field=IntegerField())


def test_postgresql_has_a_template_of_its_own(db):
    ImageAsset.objects.bulk_create([ImageAsset(image="x.jpg")])
    assert ImageAsset.objects.values_list(length()).get() == (105 if connection.vendor == "postgresql" else 5,)


def test_autodetector_takes_it_for_the_plain_function():
    assert length() == plain() == length()
    assert plain() == length()
    assert hash(length()) == hash(plain())
    assert length() != plain("hash_error")
    assert length("hash_error") != length()


def test_migration_has_the_plain_function():
    written, imports = MigrationWriter.serialize(length())
    assert "hashing" not in written
    assert imports == {"from django.db import models"}
    assert eval(written, {"models": __import__("django.db.models", fromlist=["models"])}) == plain()


@pytest.mark.parametrize("count", [0, 1, 40_000])
def test_any_number_of_keys_can_be_asked_for(db, count):
    ImageAsset.objects.bulk_create(ImageAsset(image=f"{number}.jpg") for number in range(3))
    keys = list(ImageAsset.objects.order_by("pk").values_list("pk", flat=True))
    wanted = keys[:count] + list(range(keys[-1] + 1, keys[-1] + 1 + max(count - 3, 0)))
    assert list(ImageAsset.objects.filter(HasKey(wanted)).order_by("pk").values_list("pk", flat=True)) == keys[:count]


def test_keys_are_looked_up_in_the_index(db):
    plan = ImageAsset.objects.filter(HasKey([1, 2])).values_list("width").explain()
    assert "SCAN hashing_imageasset" not in plan
