from __future__ import annotations

from django.dispatch import Signal

# Both are sent in the transaction that writes the files, with the database as `using`.

# Rows with these `keys` get another file, which may have the name of the former one.
files_replaced = Signal()
# An `instance` was saved that has another file than before, or was `created`.
file_saved = Signal()
