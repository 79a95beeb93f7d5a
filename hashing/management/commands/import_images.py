from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.core.files.storage import Storage
from django.core.management.base import CommandError, CommandParser
from django.db import DatabaseError, InterfaceError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hashing.importing.copying import StorageRefusal
from hashing.importing.exclusions import Exclusions
from hashing.importing.image_import import ImageImport
from hashing.importing.names import CopyNames, InPlaceNames
from hashing.management.base import FAILURE, WRONG_USAGE, HashingCommand, at_least
from hashing.management.progress import show_progress
from hashing.models import ImageAsset
from hashing.text import first_line, is_unicode, printable


class Command(HashingCommand):
    help = gettext_lazy(  # type: ignore[assignment]
        "Register every image file below a folder. Run it again to continue, or for new files."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add = parser.add_argument
        add("folder", metavar="DIR", help=_("folder with the images; links are not followed"))
        add(
            "--exclude",
            action="append",
            default=[],
            metavar="PATTERN",
            help=_("leave out files and folders with this name, or at this path below DIR; can be repeated"),
        )
        add("--include-thumbnails", action="store_true", help=_("also thumbnails that other apps have made"))
        add("--in-place", action="store_true", help=_("register files below MEDIA_ROOT without copying"))
        text = _("rows written at a time (default: %(default)s)")
        add("--batch-size", type=at_least(1), default=500, metavar="N", help=text)
        add("--dry-run", action="store_true", help=_("copy nothing, write nothing"))
        self.add_common_arguments(parser)

    def handle(
        self,
        *args: Any,
        folder: str,
        exclude: list[str],
        include_thumbnails: bool,
        in_place: bool,
        batch_size: int,
        dry_run: bool,
        no_progress: bool,
        database: str | None,
        **options: Any,
    ) -> None:
        database = self.chosen_database(database)
        root = self._folder(folder)
        names = self._names(root, in_place=in_place)
        exclusions = self._exclusions(exclude, include_thumbnails=include_thumbnails)
        progress = show_progress(_("Importing"), self.progress_stream, failures=_("left out"), hidden=no_progress)
        with self.stop_request(_("Saving what is done.")) as stop, progress as bar:
            job = ImageImport(
                root,
                names,
                exclusions=exclusions,
                batch_size=batch_size,
                dry_run=dry_run,
                using=database,
                should_stop=stop,
                progress=bar,
            )
            refusal = self._run(job)
        self.stdout.write(job.report.as_text())
        if refusal:
            raise CommandError(f"{refusal}\n" + _("To continue, run the same command again."))
        if stop():
            self.stderr.write(_("To continue, run the same command again. What is done is saved."))
            sys.exit(stop.exit_status)
        if job.report.failed:
            sys.exit(FAILURE)

    def _run(self, job: ImageImport) -> str:
        try:
            job.run()
        except StorageRefusal as refusal:
            return str(refusal)
        except (DatabaseError, InterfaceError) as error:
            return _("The database does not answer: %(reason)s") % {"reason": first_line(error)}
        return ""

    def _folder(self, name: str) -> Path:
        folder = Path(name).resolve()
        if not folder.is_dir():
            text = _("There is no folder %(name)s") % {"name": printable(name)}
            raise CommandError(text, returncode=WRONG_USAGE)
        return folder

    def _names(self, root: Path, *, in_place: bool) -> CopyNames | InPlaceNames:
        storage = ImageAsset.image.field.storage
        media_root = self._media_root(storage)
        if in_place:
            if media_root is None or not root.is_relative_to(media_root):
                raise CommandError(_("--in-place is for a folder below MEDIA_ROOT."), returncode=WRONG_USAGE)
            if not is_unicode(str(root)):
                text = _("The name %(name)s is not valid Unicode.") % {"name": printable(str(root))}
                raise CommandError(text, returncode=WRONG_USAGE)
            return InPlaceNames(root.relative_to(media_root))
        if media_root and (root.is_relative_to(media_root) or media_root.is_relative_to(root)):
            text = _("%(folder)s and the media folder %(media)s overlap. Use --in-place for files below MEDIA_ROOT.")
            names = {"folder": printable(str(root)), "media": media_root}
            raise CommandError(text % names, returncode=WRONG_USAGE)
        return CopyNames(root, storage)

    def _exclusions(self, patterns: list[str], *, include_thumbnails: bool) -> Exclusions:
        try:
            return Exclusions(patterns, include_thumbnails=include_thumbnails)
        except ValueError as error:
            raise CommandError(f"--exclude: {error}", returncode=WRONG_USAGE) from error

    def _media_root(self, storage: Storage) -> Path | None:
        try:
            return Path(storage.path("")).resolve()
        except NotImplementedError:
            return None
