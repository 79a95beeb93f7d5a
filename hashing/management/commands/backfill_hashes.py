from __future__ import annotations

import json
import sys
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser
from django.db import DatabaseError, InterfaceError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from hashing.backfill import BackfillOptions, BackfillReport, run_backfill
from hashing.backfill.options import available_cores
from hashing.backfill.pending_rows import target_rows
from hashing.backfill.sharding.shard import SHARD_BATCH_SIZE, SHARD_SIZE
from hashing.conf import hashing_settings
from hashing.management.base import FAILURE, STDOUT, WRONG_USAGE, HashingCommand, at_least, seconds
from hashing.management.graceful_stop import StopRequest
from hashing.management.progress import show_progress
from hashing.management.queued_backfill import EnqueuedShards, QueuedBackfill, QueueUnavailable
from hashing.models import ImageAsset
from hashing.sources.registry import all_sources
from hashing.text import first_line

BATCH_SIZE = 500
STALL_TIMEOUT = 60.0
DEFAULT_QUEUE = "default"


class Command(HashingCommand):
    help = gettext_lazy(  # type: ignore[assignment]
        "Compute perceptual hashes for the image assets that have none. Run it again to continue an unfinished run."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        cores, timeout = available_cores(), hashing_settings().TIMEOUT
        add = parser.add_argument
        add(
            "--batch-size",
            type=at_least(1),
            metavar="N",
            help=_("rows written at a time (default: %(here)d, with --enqueue %(enqueued)d)")
            % {"here": BATCH_SIZE, "enqueued": SHARD_BATCH_SIZE},
        )
        self.add_source_argument(parser)
        add("--limit", type=at_least(0), metavar="N", help=_("stop after this many images"))
        text = _("processes that decode (default: cores, %(cores)d here)") % {"cores": cores}
        add("--workers", type=at_least(1), metavar="N", help=text)
        add("--start-pk", metavar="PK", help=_("first key to process"))
        add("--end-pk", metavar="PK", help=_("last key to process"))
        add("--skip-failed", action="store_true", help=_("leave out images that failed before"))
        text = _("only images whose hash has another version than that of the code")
        add("--stale", action="store_true", help=text)
        add("--rehash", action="store_true", help=_("also images that have a hash"))
        text = _("for one image (default: %(seconds)s)") % {"seconds": timeout}
        add("--timeout", type=seconds, default=timeout, metavar="SECONDS", help=text)
        add("--dry-run", action="store_true", help=_("read and hash, write nothing"))
        add(
            "--json",
            dest="json_file",
            metavar="FILE",
            help=_("write the results there as JSON; - for stdout, and the text to stderr"),
        )
        self.add_common_arguments(parser)
        self._add_queue_arguments(parser.add_argument_group(_("many machines")))

    def _add_queue_arguments(self, group: Any) -> None:
        add = group.add_argument
        add("--enqueue", action="store_true", help=_("put the work into the site's task queue, in shards"))
        text = _("images in a shard (default: %(size)d)") % {"size": SHARD_SIZE}
        add("--shard-size", type=at_least(1), metavar="N", help=text)
        add("--queue", metavar="NAME", help=_("name of the queue (default: default)"))
        text = _("with --enqueue: show the progress of the workers until all is done")
        add("--wait", action="store_true", help=text)
        add(
            "--stall-timeout",
            type=seconds,
            metavar="SECONDS",
            help=_("with --wait: enqueue a shard again after this time without progress (default: %(seconds)g)")
            % {"seconds": STALL_TIMEOUT},
        )

    def handle(self, *args: Any, **given: Any) -> None:
        enqueue, json_file = given["enqueue"], given["json_file"]
        self._check_combination(given)
        options = self._options(given)
        queued = self._queued_backfill(options, given) if enqueue else None
        target = self.target_file(json_file)
        text = self.stderr if json_file == STDOUT else self.stdout
        self._register(options, text, given)
        limit = "all" if options.limit is None else options.limit
        text.write(f"Backfilling perceptual hashes (batch-size={options.batch_size}, limit={limit})...\n\n")
        with self.stop_request(_("Ending soon.") if enqueue else _("Saving what is done.")) as stop:
            if queued:
                result = self._enqueue(queued, stop, given)
            else:
                with show_progress(_("Hashing"), self.progress_stream, hidden=given["no_progress"]) as progress:
                    result = run_backfill(options, should_stop=stop, progress=progress)
        text.write(result.as_text())
        results = json.dumps(result.as_json(), indent=2) + "\n"
        is_written = self.write_results(json_file, target, lambda file: file.write(results))
        self._explain_stop(result, options, enqueued=enqueue)
        self._note_stale(options)
        if stop():
            sys.exit(stop.exit_status)
        if result.failed or result.stopped or not is_written:
            sys.exit(FAILURE)

    def _check_combination(self, given: dict[str, Any]) -> None:
        lonely = [name for name in ("shard_size", "queue", "wait") if given[name] and not given["enqueue"]]
        if given["stall_timeout"] and not given["wait"]:
            lonely.append("stall_timeout")
        if given["enqueue"] and given["dry_run"]:
            text = _("--dry-run is for a run on this machine, without --enqueue.")
            raise CommandError(text, returncode=WRONG_USAGE)
        if lonely:
            needed = "--wait" if lonely == ["stall_timeout"] else "--enqueue"
            option = f"--{lonely[0].replace('_', '-')}"
            text = _("%(option)s needs %(needed)s.") % {"option": option, "needed": needed}
            raise CommandError(text, returncode=WRONG_USAGE)

    def _options(self, given: dict[str, Any]) -> BackfillOptions:
        values: dict[str, Any] = {"batch_size": SHARD_BATCH_SIZE if given["enqueue"] else BATCH_SIZE}
        values |= {name: value for name, value in given.items() if value is not None}
        values["sources"] = self.chosen_sources(values.get("sources", ()))
        values["using"] = self.chosen_database(given["database"])
        values |= {name: self._key(given[name]) for name in ("start_pk", "end_pk")}
        return self.make_options(BackfillOptions, values)

    def _key(self, given: object) -> Any:
        try:
            return ImageAsset._meta.pk.to_python(given)
        except ValidationError as error:
            text = _("Not a key of an image asset: %(key)r") % {"key": given}
            raise CommandError(text, returncode=WRONG_USAGE) from error

    def _queued_backfill(self, options: BackfillOptions, given: dict[str, Any]) -> QueuedBackfill:
        try:
            # Not at the top: the package for task queues is optional on Django 5.2.
            from hashing.tasks import ShardQueue

            queue = ShardQueue(given["queue"] or DEFAULT_QUEUE)
        except ImportError as error:
            text = _("--enqueue needs Django's Tasks interface: install django-tasks, or use Django 6.0 or newer.")
            raise CommandError(text, returncode=WRONG_USAGE) from error
        except ValueError as error:
            raise CommandError(str(error), returncode=WRONG_USAGE) from error
        return QueuedBackfill(options, queue, given["shard_size"] or SHARD_SIZE, given["workers"])

    def _register(self, options: BackfillOptions, text: Any, given: dict[str, Any]) -> None:
        """Register new files of the sources, so that this run hashes them."""
        if options.dry_run or not all_sources():
            return
        counts = self.sync_sources(options.sources, options.using, hidden=given["no_progress"])
        if counts.total:
            text.write(_("Sources: %(counts)s.") % {"counts": counts} + "\n\n")

    def _enqueue(
        self, queued: QueuedBackfill, stop: StopRequest, given: dict[str, Any]
    ) -> BackfillReport | EnqueuedShards:
        hidden = given["no_progress"]
        if queued.runs_here:
            self.stderr.write(_("The settings name no task queue (TASKS): the images are hashed here."))
        try:
            label = _("Hashing") if queued.runs_here else _("Enqueuing")
            with show_progress(label, self.progress_stream, hidden=hidden) as progress:
                queued.enqueue(progress, stop)
        except (DatabaseError, InterfaceError) as error:
            text = _("The database cannot be read: %(reason)s") % {"reason": first_line(error)}
            raise CommandError(text) from error
        except QueueUnavailable as error:
            text = _("The queue cannot be reached: %(reason)s. Shards enqueued: %(count)d.")
            raise CommandError(text % {"reason": error, "count": len(queued.shards)}) from error
        if stop() or not (given["wait"] or queued.runs_here):
            return EnqueuedShards(len(queued.shards), queued.total, interrupted=stop())
        with show_progress(_("Hashing"), self.progress_stream, hidden=hidden) as progress:
            return queued.wait(given["stall_timeout"] or STALL_TIMEOUT, progress, stop)

    def _note_stale(self, options: BackfillOptions) -> None:
        """Say how to replace hashes of another version, unless this run was to replace them."""
        if options.stale or options.rehash:
            return
        try:
            count = target_rows(None, options).stale().count()
        except (DatabaseError, InterfaceError):
            # The results say that it is unavailable.
            return
        if count:
            text = ngettext(
                "The hash of %(count)d image has another version than this program computes: it is compared only with"
                " hashes of that version. Run backfill_hashes --stale to replace it.",
                "The hashes of %(count)d images have another version than this program computes: they are compared"
                " only with hashes of that version. Run backfill_hashes --stale to replace them.",
                count,
            )
            self.stderr.write(text % {"count": count})

    def _explain_stop(
        self, result: BackfillReport | EnqueuedShards, options: BackfillOptions, *, enqueued: bool
    ) -> None:
        if not result.stopped:
            return
        if isinstance(result, EnqueuedShards):
            self.stderr.write(_("Workers continue with what is enqueued. Run the same command again for the rest."))
        elif enqueued:
            self.stderr.write(_("Workers continue with what is enqueued. The page Progress of the admin shows them."))
        else:
            again = _("To continue, run the same command again.")
            if options.rehash and result.resume_pk is not None:
                again = _("To continue, run the same command again with --start-pk %(key)s.") % {
                    "key": result.resume_pk
                }
            is_saved = result.processed or result.failed
            self.stderr.write(f"{again} {_('What is done is saved.') if is_saved else _('Nothing was written.')}")
