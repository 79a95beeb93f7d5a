from __future__ import annotations

import sys
from typing import Any

from django.utils.translation import gettext as _

from hashing.exchange.changed_files import CHANGED_COLUMNS, ChangedFiles
from hashing.exchange.foreign_hashes import MIN_COMPARED, Comparison, Kinship
from hashing.exchange.foreign_rows import ForeignHashes
from hashing.exchange.sampling import compare_sample
from hashing.management.base import STDOUT
from hashing.management.export import ExportCommand
from hashing.models.querysets import ImageAssetQuerySet


class ForeignImport(ExportCommand):
    """A command that says what hashes of another program are good for."""

    def compare(self, hashes: ForeignHashes, rows: ImageAssetQuerySet[Any], given: dict[str, Any]) -> None:
        """Compare a sample, and if it can be compared, all hashes."""
        output = self.chosen_output(given["output"], None) if given["output"] else None
        text = self.stderr if output and output.name == STDOUT else self.stdout
        comparisons = compare_sample(hashes, rows, dry_run=given["dry_run"])
        for comparison in comparisons:
            text.write(comparison_text(comparison))
        nearest = comparisons[0] if comparisons else None
        if nearest is None or nearest.compared < MIN_COMPARED:
            text.write(self._too_few(nearest, hashes))
            return
        if nearest.kinship == Kinship.UNRELATED:
            text.write(_("These hashes cannot be compared with ours, nor converted. Run backfill_hashes."))
            return
        changed = ChangedFiles(hashes, nearest)
        if output:
            self.write_records(output, CHANGED_COLUMNS, changed, hidden=given["no_progress"])
        else:
            self._count(changed)
        text.write(result_text(changed, hashes, nearest))

    def _count(self, changed: ChangedFiles) -> None:
        with self.stop_request(_("Ending soon.")) as stop:
            for _record in changed:
                if stop():
                    break
        if stop():
            sys.exit(stop.exit_status)

    def _too_few(self, nearest: Comparison | None, hashes: ForeignHashes) -> str:
        text = _(
            "Too few images to compare: %(compared)d, of at least %(needed)d. Read: %(read)d. No hashes of 64, 128 or"
            " 256 bits: %(invalid)d. Without an image here: %(unknown)d."
        )
        counts = hashes.counts
        return text % {
            "compared": nearest.compared if nearest else 0,
            "needed": MIN_COMPARED,
            "read": counts.read,
            "invalid": counts.invalid,
            "unknown": counts.unknown,
        }


def comparison_text(comparison: Comparison) -> str:
    text = _("%(name)s: %(equal)d of %(compared)d equal, median distance %(median)d of %(bits)d: %(verdict)s")
    verdict = {
        Kinship.COMPARABLE: _("comparable"),
        Kinship.RELATED: _("not comparable, but related"),
        Kinship.UNRELATED: _("not comparable"),
    }[comparison.kinship]
    return text % {
        "name": comparison.layout.name,
        "equal": comparison.equal,
        "compared": comparison.compared,
        "median": comparison.median,
        "bits": comparison.layout.bits,
        "verdict": verdict,
    }


def result_text(changed: ChangedFiles, hashes: ForeignHashes, nearest: Comparison) -> str:
    counts = [
        (_("Agree with the file of their image"), changed.agreeing),
        (_("Of another picture: the file has probably changed since"), changed.changed),
        (_("Not compared, because the image is not hashed yet"), changed.unhashed),
        (_("Without an image here"), hashes.counts.unknown),
        (_("No hashes of 64, 128 or 256 bits"), hashes.counts.invalid),
    ]
    if nearest.kinship == Kinship.COMPARABLE:
        advice = _(
            "They are comparable with %(name)s, and do not take the place of our hashes: images are found by all three"
            " and their quality. Nothing was stored of them. Run backfill_hashes for the images that are not hashed."
        )
    else:
        advice = _(
            "They can tell which files have changed, and nothing else: they are computed in another way than %(name)s,"
            " and cannot be converted. Nothing was stored of them. Run backfill_hashes."
        )
    lines = [f"{label}: {count}" for label, count in counts]
    return "\n".join([*lines, advice % {"name": nearest.layout.name}])
