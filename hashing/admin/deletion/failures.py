from __future__ import annotations

import logging

from django.core.exceptions import ValidationError
from django.db import DatabaseError, IntegrityError, InterfaceError
from django.db.models import ProtectedError, RestrictedError
from django.utils.translation import gettext as _

from hashing.admin.deletion.related_rows import Assets
from hashing.db.retry import is_outage, is_transient
from hashing.log_events import LogEvent, error_kind, log_event
from hashing.text import first_line

logger = logging.getLogger(__name__)


def reason_of_failure(error: Exception, assets: Assets) -> str:
    """Return why images stay whose deletion has failed.

    Raise the error again if it concerns the database as a whole, or if a retry of the transaction may succeed.
    """
    if isinstance(error, DatabaseError | InterfaceError) and (is_outage(error) or is_transient(error)):
        raise error
    if isinstance(error, ProtectedError | RestrictedError | IntegrityError):
        return _("other rows need it: %(error)s") % {"error": first_line(error)}
    if isinstance(error, ValidationError):
        return "; ".join(error.messages)
    if len(assets) == 1:
        pk, kind = assets[0].pk, error_kind(error)
        message, event = "Image %s could not be deleted", LogEvent.IMAGE_NOT_DELETED
        log_event(logger, event, message, pk, exc_info=error, asset=pk, error_kind=kind)
    return _("deleting its row failed; see the log of the site")


def reason_of_lock() -> str:
    return _("somebody else is changing it or the image that is kept; try it again")
