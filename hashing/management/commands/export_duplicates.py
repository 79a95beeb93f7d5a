from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hashing.exchange.duplicate_records import DUPLICATE_COLUMNS, duplicate_records, stored_groups
from hashing.management.export import ExportCommand
from hashing.models import GroupMember


class Command(ExportCommand):
    help = gettext_lazy("Write the stored groups of duplicates as CSV or JSON Lines, a line for each image.")  # type: ignore[assignment]

    def add_arguments(self, parser: CommandParser) -> None:
        self.add_output_arguments(parser, _("file to write (default: - for stdout)"))
        self.add_common_arguments(parser)

    def handle(self, *args: Any, **given: Any) -> None:
        database = self.chosen_database(given["database"])
        output = self.chosen_output(given["output"], given["format"])
        total = self.count_rows(GroupMember.objects.using(database))
        records = duplicate_records(stored_groups(database), database)
        count = self.write_records(output, DUPLICATE_COLUMNS, records, total=total, hidden=given["no_progress"])
        self.report_written(output, count)
