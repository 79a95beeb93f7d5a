"""What the site may leave to a queue, whichever queue its `TASKS` setting names."""

from __future__ import annotations

from django.apps import apps

from hashing.hash_row import hash_row
from hashing.models import HashedImage
from hashing.task_queue import task


@task()
def hash_upload(model_label: str, pk: str, name: str, using: str) -> None:
    """Hash the file `name` of one row, unless the row has got another file by then."""
    model = apps.get_model(model_label)
    if not issubclass(model, HashedImage):
        raise TypeError(f"{model_label} has no hashes")
    hash_row(model, model._meta.pk.to_python(pk), name, using)
