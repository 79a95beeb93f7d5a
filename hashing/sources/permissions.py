from __future__ import annotations

from typing import Any


def has_row_permission(user: Any, action: str, row: Any) -> bool:
    """Whether the user may "view", "change" or "delete" rows of the model, or this one."""
    meta = row._meta.concrete_model._meta
    permission = f"{meta.app_label}.{action}_{meta.model_name}"
    return bool(user.has_perm(permission) or user.has_perm(permission, row))
