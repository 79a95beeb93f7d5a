from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from itertools import accumulate, pairwise
from typing import Any, NamedTuple, Self

from django.contrib import messages
from django.core import signing
from django.http import HttpRequest
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from hashing.admin.deletion.related_rows import Assets, Reasons
from hashing.text import isolated

# The keys of more rows may not fit into one request.
MAX_ROWS = 500_000
MAX_LISTED = 20
MAX_AGE = 24 * 3600
SALT = "hashing.admin.deletion.views"


class DeletedRows(NamedTuple):
    """The rows of a batch that are deleted, and why the others are not."""

    deleted: Assets
    reasons: Reasons


@dataclass
class ReasonCount:
    """How many rows or files have something in common, and the first of their names."""

    count: int = 0
    names: list[str] = field(default_factory=list)

    @property
    def has_more(self) -> bool:
        return self.count > len(self.names)


@dataclass
class DeletionReport:
    """What was deleted and what stayed, or what would be. Of rows and files that stay, by reason."""

    deleted: int = 0
    deleted_names: list[str] = field(default_factory=list)
    related: dict[str, int] = field(default_factory=dict)
    stayed: dict[str, ReasonCount] = field(default_factory=dict)
    kept_files: dict[str, ReasonCount] = field(default_factory=dict)
    failed_files: dict[str, ReasonCount] = field(default_factory=dict)
    error: str = ""

    @property
    def stayed_count(self) -> int:
        return sum(each.count for each in self.stayed.values())

    def without_stayed(self, assets: Assets, reasons: Reasons) -> Assets:
        """Return the rows that have no reason to stay, and count the others."""
        for asset in assets:
            if asset.pk in reasons:
                self.add_stayed(str(asset), reasons[asset.pk])
        return [asset for asset in assets if asset.pk not in reasons]

    def add_batch(self, assets: Assets, batch: DeletedRows) -> None:
        self.add_deleted([str(asset) for asset in batch.deleted])
        self.without_stayed(assets, batch.reasons)

    def add_deleted(self, names: Sequence[str]) -> None:
        self.deleted += len(names)
        self.deleted_names += names[: MAX_LISTED - len(self.deleted_names)]

    def add_related(self, kind: str, count: int) -> None:
        self.related[kind] = self.related.get(kind, 0) + count

    def add_stayed(self, name: str, reason: str) -> None:
        _add(self.stayed, name, reason)

    def add_kept_file(self, name: str, reason: str) -> None:
        _add(self.kept_files, name, reason)

    def add_failed_file(self, name: str, reason: str) -> None:
        _add(self.failed_files, name, reason)


@dataclass
class DeletionJob:
    """The keys of the rows that are still to be deleted, and what became of the others of `total`."""

    keys: list[int]
    total: int
    is_cut: bool = False
    report: DeletionReport = field(default_factory=DeletionReport)

    @classmethod
    def of(cls, keys: Iterable[int]) -> Self:
        """`is_cut` says that there are more keys than one deletion takes."""
        chosen = sorted(keys)
        return cls(chosen[:MAX_ROWS], min(len(chosen), MAX_ROWS), is_cut=len(chosen) > MAX_ROWS)

    @property
    def done(self) -> int:
        return self.total - len(self.keys)

    def token(self, user_pk: Any) -> str:
        """Signed, so that the rows are those that the page was about, and that no packed text is too large."""
        steps = [last - first for first, last in pairwise([0, *self.keys])]
        values = {"steps": steps, "total": self.total, "report": asdict(self.report)}
        return signing.dumps(values, salt=f"{SALT}.{user_pk}", compress=True)

    @classmethod
    def from_token(cls, token: str, user_pk: Any) -> Self:
        """Raises `django.core.signing.BadSignature`."""
        values = signing.loads(token, salt=f"{SALT}.{user_pk}", max_age=MAX_AGE)
        report = values["report"]
        for name in ("stayed", "kept_files", "failed_files"):
            report[name] = {reason: ReasonCount(**counted) for reason, counted in report[name].items()}
        return cls(list(accumulate(values["steps"])), values["total"], report=DeletionReport(**report))


def _add(counts: dict[str, ReasonCount], name: str, reason: str) -> None:
    # Reasons that differ from row to row must not make the page as long as the table.
    if reason not in counts and len(counts) >= MAX_LISTED:
        reason = next(reversed(counts))
    counted = counts.setdefault(reason, ReasonCount())
    counted.count += 1
    if len(counted.names) < MAX_LISTED:
        counted.names.append(Truncator(name).chars(200))


def add_messages(request: HttpRequest, opts: Any, job: DeletionJob) -> None:
    report = job.report
    if report.deleted:
        items = opts.verbose_name if report.deleted == 1 else opts.verbose_name_plural
        text = _("Successfully deleted %(count)d %(items)s.")
        messages.success(request, text % {"count": report.deleted, "items": items})
    for reason, counted in report.stayed.items():
        text = ngettext("%(count)d image was left", "%(count)d images were left", counted.count)
        _add_warning(request, text, reason, counted)
    for reason, counted in report.kept_files.items():
        text = ngettext("%(count)d file was kept", "%(count)d files were kept", counted.count)
        _add_warning(request, text, reason, counted)
    for reason, counted in report.failed_files.items():
        text = _("The rows are deleted, but %(count)d files could not be")
        _add_warning(request, text, reason, counted)
    if report.error:
        text = _("The deletion ended early, with %(count)d images left. Run it again to continue. %(reason)s")
        messages.error(request, text % {"count": len(job.keys), "reason": report.error})


def _add_warning(request: HttpRequest, text: str, reason: str, counted: ReasonCount) -> None:
    names = ", ".join(map(isolated, counted.names))
    shown = _("%(names)s and more") % {"names": names} if counted.has_more else names
    messages.warning(request, f"{text % {'count': counted.count}}: {reason} ({shown})")
