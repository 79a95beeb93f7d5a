from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.contrib import messages
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from hashing.admin.deletion.related_rows import Assets, Reasons, RelatedRows
from hashing.text import isolated

MAX_LISTED = 20
MAX_NAME_LENGTH = 200


class DeletedRows(NamedTuple):
    """The rows of a batch that were deleted, and why the others were not."""

    deleted: Assets
    reasons: Reasons


@dataclass
class NameList:
    """A number of rows or files, and the names of the first ones."""

    count: int = 0
    names: list[str] = field(default_factory=list)

    @property
    def has_more(self) -> bool:
        return self.count > len(self.names)


NamesByReason = dict[str, NameList]


@dataclass
class DeletionReport:
    """What a deletion has done or would do: the rows deleted, and the rows and files that stay, by reason."""

    deleted: int = 0
    deleted_names: list[str] = field(default_factory=list)
    # Bytes of the deleted files.
    freed: int = 0
    related: dict[str, int] = field(default_factory=dict)
    cleared: dict[str, int] = field(default_factory=dict)
    stayed: NamesByReason = field(default_factory=dict)
    kept_files: NamesByReason = field(default_factory=dict)
    failed_files: NamesByReason = field(default_factory=dict)
    error: str = ""
    # Where the user does not see all images, no reason to keep a file tells about other rows.
    hides_others: bool = False

    @property
    def stayed_count(self) -> int:
        return sum(names.count for names in self.stayed.values())

    def add_batch(self, assets: Assets, batch: DeletedRows) -> None:
        self.add_deleted(batch.deleted)
        self.without_stayed(assets, batch.reasons)

    def without_stayed(self, assets: Assets, reasons: Reasons) -> Assets:
        """Return the rows without a reason to stay, and count the others."""
        for asset in assets:
            if asset.pk in reasons:
                self.add_stayed(str(asset), reasons[asset.pk])
        return [asset for asset in assets if asset.pk not in reasons]

    def add_deleted(self, rows: Sequence[object]) -> None:
        self.deleted += len(rows)
        self.deleted_names += map(str, rows[: MAX_LISTED - len(self.deleted_names)])

    def add_related(self, related: RelatedRows, without: Collection[str] = ()) -> None:
        """Count what goes with some rows, except the models with these names."""
        for totals, counts in ((self.related, related.counts), (self.cleared, related.cleared)):
            for name, count in counts.items():
                if str(name) not in without:
                    totals[str(name)] = totals.get(str(name), 0) + count

    def add_stayed(self, name: str, reason: str) -> None:
        add_name(self.stayed, name, reason)

    def add_kept_file(self, name: str, reason: str) -> None:
        add_name(self.kept_files, name, _("Another row may use it.") if self.hides_others else reason)

    def add_failed_file(self, name: str, reason: str) -> None:
        add_name(self.failed_files, name, reason)

    def add_messages(self, request: HttpRequest, opts: Any, left: int) -> None:
        """Tell the user what was deleted and what stayed. `left` rows were not deleted after an error or a stop."""
        if self.deleted:
            items = opts.verbose_name if self.deleted == 1 else opts.verbose_name_plural
            text = _("Successfully deleted %(count)d %(items)s.") % {"count": self.deleted, "items": items}
            if self.freed:
                text += " " + _("%(size)s freed.") % {"size": filesizeformat(self.freed)}
            messages.success(request, text)
        for reason, names in self.stayed.items():
            text = ngettext("%(count)d image was left", "%(count)d images were left", names.count)
            add_warning(request, text, reason, names)
        for reason, names in self.kept_files.items():
            text = ngettext("%(count)d file was kept", "%(count)d files were kept", names.count)
            add_warning(request, text, reason, names)
        for reason, names in self.failed_files.items():
            text = ngettext(
                "The rows are deleted, but %(count)d file could not be deleted",
                "The rows are deleted, but %(count)d files could not be deleted",
                names.count,
            )
            add_warning(request, text, reason, names)
        if self.error:
            text = _("The deletion ended early, with %(count)d images left. Run it again to continue. %(reason)s")
            messages.error(request, text % {"count": left, "reason": self.error})
        elif left:
            text = ngettext(
                "The deletion was stopped. %(count)d image was not deleted.",
                "The deletion was stopped. %(count)d images were not deleted.",
                left,
            )
            messages.warning(request, text % {"count": left})


def add_name(by_reason: NamesByReason, name: str, reason: str) -> None:
    # The page stays short even if every row has its own reason.
    if reason not in by_reason and len(by_reason) >= MAX_LISTED:
        reason = _("other reasons")
    listed = by_reason.setdefault(reason, NameList())
    listed.count += 1
    if len(listed.names) < MAX_LISTED:
        listed.names.append(Truncator(name).chars(MAX_NAME_LENGTH))


def add_warning(request: HttpRequest, text: str, reason: str, listed: NameList) -> None:
    names = ", ".join(map(isolated, listed.names))
    shown = _("%(names)s and more") % {"names": names} if listed.has_more else names
    messages.warning(request, f"{text % {'count': listed.count}}: {reason} ({shown})")
