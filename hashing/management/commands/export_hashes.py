from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hashing.exchange.hash_records import HASH_COLUMNS, hash_records
from hashing.management.export import ExportCommand
from hashing.models import ImageAsset


class Command(ExportCommand):
    help = gettext_lazy("Write the hashes of all images as CSV or JSON Lines. import_hashes reads them.")  # type: ignore[assignment]

    def add_arguments(self, parser: CommandParser) -> None:
        self.add_source_argument(parser)
        self.add_output_arguments(parser, _("file to write (default: - for stdout)"))
        self.add_common_arguments(parser)

    def handle(self, *args: Any, **given: Any) -> None:
        database = self.chosen_database(given["database"])
        labels = self.chosen_sources(given["sources"])
        output = self.chosen_output(given["output"], given["format"])
        rows = ImageAsset.objects.using(database)
        chosen = rows.of_sources(labels) if labels else rows.all()
        total = self.count_rows(chosen)
        count = self.write_records(output, HASH_COLUMNS, hash_records(chosen), total=total, hidden=given["no_progress"])
        self.report_written(output, count)
