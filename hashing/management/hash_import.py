from __future__ import annotations

from django.utils.translation import gettext as _

from hashing.exchange.hash_import import SHOWN_ERRORS, ImportReport
from hashing.fingerprint.fingerprint import HASH_VERSION


def import_report_text(report: ImportReport, *, dry_run: bool) -> str:
    """Return the counts, a line for each that is not 0 or that everybody asks for."""
    lines = [
        (_("Lines read"), report.read, True),
        (_("Images that would get a hash") if dry_run else _("Images that got a hash"), report.imported, 1),
        (_("Images that had a hash, unchanged"), report.already_hashed, True),
        (_("Without a hash in the file"), report.unhashed, False),
        (
            _("Of another version of the hash than %(version)d, left out") % {"version": HASH_VERSION},
            report.other_version,
            False,
        ),
        (_("No image has this file"), report.unknown, False),
        (_("The image has another file by now"), report.other_file, False),
        (_("Could not be checked"), report.unchecked, False),
        (_("Invalid"), report.invalid, False),
    ]
    shown = [f"{label}: {count}" for label, count, is_always_shown in lines if count or is_always_shown]
    if report.errors:
        shown.append(_("Errors (first %(count)d), by line:") % {"count": SHOWN_ERRORS})
        shown += [f"  - {error}" for error in report.errors]
    return "\n".join(shown)
