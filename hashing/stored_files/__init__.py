"""Delete stored files that no row of the site means any more.

deletion    what is deleted, what is kept and why
references  rows of any model, in any database, that may mean a file
identity    whether two names mean one file
base_names  the last part of a name, indexed: the one that all names of a file have in common
"""

from __future__ import annotations

from hashing.stored_files.deletion import FileDeletion, delete_unused, find_reasons_to_keep

__all__ = ["FileDeletion", "delete_unused", "find_reasons_to_keep"]
