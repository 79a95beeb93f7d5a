from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, NotRequired, TypedDict

from django.utils.translation import gettext as _

SHOWN_ERRORS = 10
RULE = "=" * 60


class BackfillResult(TypedDict):
    status: Literal["completed", "partial"]
    total: int
    processed: int
    failed: int
    errors: list[str]
    left_out: NotRequired[int]


@dataclass
class BackfillReport:
    """The counts of a backfill. `total` is the number of pending rows at the start, or of rows tried if that is more.

    `stopped` is the reason of a run that stopped early, and empty otherwise; `resume_pk` is then the first key, in the
    order of the list, that was started and not written. `errors` and `failed_keys` have the first failures only.
    `deferred` is the reason why an image was left to a run with larger limits.
    """

    total: int = 0
    processed: int = 0
    failed: int = 0
    errors: list[str] = field(default_factory=list)
    failed_keys: list[Any] = field(default_factory=list)
    stopped: str = ""
    interrupted: bool = False
    resume_pk: Any = None
    deferred: str = ""

    @property
    def status(self) -> Literal["completed", "partial"]:
        return "partial" if self.stopped else "completed"

    @property
    def left_out(self) -> int:
        """The number of rows that were not reached, or were deleted or replaced while they were hashed."""
        return self.total - self.processed - self.failed

    def count_hashed(self) -> None:
        self.set_counts(self.processed + 1, self.failed)

    def count_failed(self, pk: Any, error: str) -> None:
        self.set_counts(self.processed, self.failed + 1)
        self.note_error(pk, error)

    def set_counts(self, processed: int, failed: int) -> None:
        self.processed, self.failed = processed, failed
        # Rows may be added after the total was counted.
        self.total = max(self.total, processed + failed)

    def note_error(self, pk: Any, error: str) -> None:
        """Add an error without counting it."""
        if len(self.errors) < SHOWN_ERRORS:
            self.errors.append(f"Asset {pk}: {error}")
            self.failed_keys.append(pk)

    def add(self, later: BackfillReport) -> None:
        """Add the counts of a run that continued this one."""
        # Rows deleted between the runs stay in the total, as left out.
        self.total = max(self.total, self.processed + self.failed + later.total)
        self.set_counts(self.processed + later.processed, self.failed + later.failed)
        self.errors = (self.errors + later.errors)[:SHOWN_ERRORS]
        self.failed_keys = (self.failed_keys + later.failed_keys)[:SHOWN_ERRORS]
        self.stopped, self.interrupted, self.resume_pk = later.stopped, later.interrupted, later.resume_pk

    def as_dict(self) -> BackfillResult:
        reason = [f"Stopped: {self.stopped}"] if self.stopped else []
        result: BackfillResult = {
            "status": self.status,
            "total": self.total,
            "processed": self.processed,
            "failed": self.failed,
            "errors": (reason + self.errors)[:SHOWN_ERRORS],
        }
        if self.left_out:
            result["left_out"] = self.left_out
        return result

    def as_json(self) -> dict[str, Any]:
        """Return the values of `as_dict`, with `left_out` also when it is 0."""
        return {**self.as_dict(), "left_out": self.left_out}

    def as_text(self) -> str:
        """Return the results block without a final line break."""
        lines = [
            RULE,
            _("HASH BACKFILL RESULTS"),
            RULE,
            _("Status: %(status)s") % {"status": self.status.upper()},
            _("Total assets: %(count)d") % {"count": self.total},
            _("Processed: %(count)d") % {"count": self.processed},
            _("Failed: %(count)d") % {"count": self.failed},
        ]
        if self.left_out:
            lines.append(_("Left out: %(count)d") % {"count": self.left_out})
        if errors := self.as_dict()["errors"]:
            heading = _("Errors (first %(count)d):") % {"count": SHOWN_ERRORS}
            lines += ["", heading, *(f"  - {error}" for error in errors)]
        return "\n".join([*lines, RULE])
