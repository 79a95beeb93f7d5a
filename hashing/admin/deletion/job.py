from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from itertools import accumulate, pairwise
from typing import Any, Self

from django.core import signing

from hashing.admin.deletion.report import DeletionReport, NameList

# The keys of more rows may not fit into one request.
MAX_ROWS = 500_000
MAX_AGE_SECONDS = 24 * 3600
SALT = "hashing.admin.deletion.job"


@dataclass
class DeletionJob:
    """The rows that are still to be deleted, by key, and a report of the others of `total`."""

    keys: list[int]
    total: int
    # Whether more rows were selected than one job deletes.
    is_cut: bool = False
    report: DeletionReport = field(default_factory=DeletionReport)

    @classmethod
    def of(cls, keys: Iterable[int]) -> Self:
        chosen = sorted(keys)
        return cls(chosen[:MAX_ROWS], min(len(chosen), MAX_ROWS), is_cut=len(chosen) > MAX_ROWS)

    @property
    def done(self) -> int:
        return self.total - len(self.keys)

    @property
    def percent(self) -> int:
        return self.done * 100 // self.total if self.total else 100

    def token(self, user_pk: Any) -> str:
        """Return the job as a compressed text, signed so that only what this user has confirmed is deleted."""
        return signing.dumps(self.as_values(), salt=f"{SALT}.{user_pk}", compress=True)

    @classmethod
    def from_token(cls, token: str, user_pk: Any) -> Self:
        """Return the job of a token. Raise `django.core.signing.BadSignature`."""
        return cls.from_values(signing.loads(token, salt=f"{SALT}.{user_pk}", max_age=MAX_AGE_SECONDS))

    def as_values(self) -> dict[str, Any]:
        """Return the job as values that JSON can represent, most of them small."""
        steps = [last - first for first, last in pairwise([0, *self.keys])]
        return {"steps": steps, "total": self.total, "report": asdict(self.report)}

    @classmethod
    def from_values(cls, values: dict[str, Any]) -> Self:
        report = values["report"]
        for name in ("stayed", "kept_files", "failed_files"):
            report[name] = {reason: NameList(**names) for reason, names in report[name].items()}
        return cls(list(accumulate(values["steps"])), values["total"], report=DeletionReport(**report))
