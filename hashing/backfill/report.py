"""What came of a backfill."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict

SHOWN_ERRORS = 10
RULE = "=" * 60


class BackfillResult(TypedDict):
    status: Literal["completed", "partial"]
    total: int
    processed: int
    failed: int
    errors: list[str]


@dataclass
class BackfillReport:
    """Counts of rows. `stopped` is why the run ended before its list did, and empty when it did not.

    `errors` and `failed_keys` are about the first failures only.
    `resume_pk` is then the first key, in the order of the list, that was begun and not written.
    """

    total: int = 0
    processed: int = 0
    failed: int = 0
    errors: list[str] = field(default_factory=list)
    failed_keys: list[Any] = field(default_factory=list)
    stopped: str = ""
    interrupted: bool = False
    resume_pk: Any = None

    @property
    def status(self) -> Literal["completed", "partial"]:
        return "partial" if self.stopped else "completed"

    def count_hashed(self) -> None:
        self.processed += 1

    def count_failed(self, pk: Any, error: str) -> None:
        self.failed += 1
        self.note_error(pk, error)

    def note_error(self, pk: Any, error: str) -> None:
        """Of a failure that is counted elsewhere."""
        if len(self.errors) < SHOWN_ERRORS:
            self.errors.append(f"Asset {pk}: {error}")
            self.failed_keys.append(pk)

    def add(self, later: BackfillReport) -> None:
        """`later` went on where this run had stopped."""
        self.total = self.processed + self.failed + later.total
        self.processed += later.processed
        self.failed += later.failed
        self.errors = (self.errors + later.errors)[:SHOWN_ERRORS]
        self.failed_keys = (self.failed_keys + later.failed_keys)[:SHOWN_ERRORS]
        self.stopped, self.interrupted, self.resume_pk = later.stopped, later.interrupted, later.resume_pk

    def as_dict(self) -> BackfillResult:
        reason = [f"Stopped: {self.stopped}"] if self.stopped else []
        return {
            "status": self.status,
            "total": self.total,
            "processed": self.processed,
            "failed": self.failed,
            "errors": (reason + self.errors)[:SHOWN_ERRORS],
        }

    def as_text(self) -> str:
        """The results block, without a line break at its end."""
        lines = [
            RULE,
            "HASH BACKFILL RESULTS",
            RULE,
            f"Status: {self.status.upper()}",
            f"Total assets: {self.total}",
            f"Processed: {self.processed}",
            f"Failed: {self.failed}",
        ]
        if errors := self.as_dict()["errors"]:
            lines += ["", f"Errors (first {SHOWN_ERRORS}):", *(f"  - {error}" for error in errors)]
        return "\n".join([*lines, RULE])
