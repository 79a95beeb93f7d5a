from __future__ import annotations

import json
import sys
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser
from django.db import DatabaseError, InterfaceError
from django.utils.translation import ngettext

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
    help = "Compute perceptual hashes for the image assets that have none. Run it again to continue an unfinished run."

    def add_arguments(self, parser: CommandParser) -> None:
        cores, timeout = available_cores(), hashing_settings().TIMEOUT
        add = parser.add_argument
        add(
            "--batch-size",
            type=at_least(1),
            metavar="N",
            help=f"rows written at a time (default: {BATCH_SIZE}, with --enqueue {SHARD_BATCH_SIZE})",
        )
        self.add_source_argument(parser)
        add("--limit", type=at_least(0), metavar="N", help="stop after this many images")
        add("--workers", type=at_least(1), metavar="N", help=f"processes that decode (default: cores, {cores} here)")
        add("--start-pk", metavar="PK", help="first key to process")
        add("--end-pk", metavar="PK", help="last key to process")
        add("--skip-failed", action="store_true", help="leave out images that failed before")
        add("--stale", action="store_true", help="only images whose hash has another version than that of the code")
        add("--rehash", action="store_true", help="also images that have a hash")
        add("--timeout", type=seconds, default=timeout, metavar="SECONDS", help=f"for one image (default: {timeout})")
        add("--dry-run", action="store_true", help="read and hash, write nothing")
        add(
            "--json",
            dest="json_file",
            metavar="FILE",
            help="write the results there as JSON; - for stdout, and the text to stderr",
        )
        self.add_common_arguments(parser)
        self._add_queue_arguments(parser.add_argument_group("many machines"))

    def _add_queue_arguments(self, group: Any) -> None:
        add = group.add_argument
        add("--enqueue", action="store_true", help="put the work into the site's task queue, in shards")
        add("--shard-size", type=at_least(1), metavar="N", help=f"images in a shard (default: {SHARD_SIZE})")
        add("--queue", metavar="NAME", help="name of the queue (default: default)")
        add("--wait", action="store_true", help="with --enqueue: show the progress of the workers until all is done")
        add(
            "--stall-timeout",
            type=seconds,
            metavar="SECONDS",
            help=f"with --wait: enqueue a shard again after this time without progress (default: {STALL_TIMEOUT:g})",
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
        with self.stop_request("Ending soon." if enqueue else "Saving what is done.") as stop:
            if queued:
                result = self._enqueue(queued, stop, given)
            else:
                with show_progress("Hashing", self.progress_stream, hidden=given["no_progress"]) as progress:
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
            raise CommandError("--dry-run is for a run on this machine, without --enqueue.", returncode=WRONG_USAGE)
        if lonely:
            needed = "--wait" if lonely == ["stall_timeout"] else "--enqueue"
            raise CommandError(f"--{lonely[0].replace('_', '-')} needs {needed}.", returncode=WRONG_USAGE)

    def _options(self, given: dict[str, Any]) -> BackfillOptions:
        values: dict[str, Any] = {"batch_size": SHARD_BATCH_SIZE if given["enqueue"] else BATCH_SIZE}
        values |= {name: value for name, value in given.items() if value is not None}
        values["sources"] = self.chosen_sources(values.get("sources", ()))
        values["using"] = self.chosen_database(given["database"])
        values |= {name: self._key(given[name]) for name in ("start_pk", "end_pk")}
        return self.make_options(BackfillOptions, values)

    def _key(self, text: object) -> Any:
        try:
            return ImageAsset._meta.pk.to_python(text)
        except ValidationError as error:
            raise CommandError(f"Not a key of an image asset: {text!r}", returncode=WRONG_USAGE) from error

    def _queued_backfill(self, options: BackfillOptions, given: dict[str, Any]) -> QueuedBackfill:
        try:
            # Not at the top: the package for task queues is optional on Django 5.2.
            from hashing.tasks import ShardQueue

            queue = ShardQueue(given["queue"] or DEFAULT_QUEUE)
        except ImportError as error:
            text = "--enqueue needs Django's Tasks interface: install django-tasks, or use Django 6.0 or newer."
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
            text.write(f"Sources: {counts}.\n\n")

    def _enqueue(
        self, queued: QueuedBackfill, stop: StopRequest, given: dict[str, Any]
    ) -> BackfillReport | EnqueuedShards:
        hidden = given["no_progress"]
        if queued.runs_here:
            self.stderr.write("The settings name no task queue (TASKS): the images are hashed here.")
        try:
            label = "Hashing" if queued.runs_here else "Enqueuing"
            with show_progress(label, self.progress_stream, hidden=hidden) as progress:
                queued.enqueue(progress, stop)
        except (DatabaseError, InterfaceError) as error:
            raise CommandError(f"The database cannot be read: {first_line(error)}") from error
        except QueueUnavailable as error:
            raise CommandError(
                f"The queue cannot be reached: {error}. Shards enqueued: {len(queued.shards)}."
            ) from error
        if stop() or not (given["wait"] or queued.runs_here):
            return EnqueuedShards(len(queued.shards), queued.total, interrupted=stop())
        with show_progress("Hashing", self.progress_stream, hidden=hidden) as progress:
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
            self.stderr.write("Workers continue with what is enqueued. Run the same command again for the rest.")
        elif enqueued:
            self.stderr.write("Workers continue with what is enqueued. The page Progress of the admin shows them.")
        else:
            start = f" with --start-pk {result.resume_pk}" if options.rehash and result.resume_pk is not None else ""
            done = "What is done is saved." if result.processed or result.failed else "Nothing was written."
            self.stderr.write(f"To continue, run the same command again{start}. {done}")
