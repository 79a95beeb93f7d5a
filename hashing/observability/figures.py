"""What an operator watches: how many images wait and fail, what runs, and how the last runs ended."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from hashing.db.clock import read_time
from hashing.models import BackfillRun, DeletionRun, DuplicateGroup, GroupingRun, ImageAsset
from hashing.models.querysets import ImageAssetQuerySet
from hashing.observability.summary import Summary, summarize

RunStatus = Literal["running", "completed", "stopped", "lost", "queued"]


@dataclass(frozen=True)
class LastRun:
    """The latest run of a kind. `reason`, why it was stopped, may contain names of files.

    `done` and `failed` are numbers of images; a search for duplicates stores its end only.
    """

    kind: Literal["backfill", "find_duplicates", "deletion"]
    status: RunStatus
    started_at: datetime | None
    ended_at: datetime | None
    heartbeat_at: datetime | None = None
    done: int | None = None
    failed: int | None = None
    images_per_second: float | None = None
    reason: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if name != "reason"}


@dataclass(frozen=True)
class Figures:
    """The state of the images, and of the runs on all of them, at `moment` by the clock of the database.

    `oldest_waiting_at` is when the oldest image that waits was registered. A replaced file does not count there: when
    it was replaced is not stored. `backfill_heartbeat_at` is the oldest heartbeat of the backfills in progress.
    """

    moment: datetime
    summary: Summary
    oldest_waiting_at: datetime | None
    groups_to_review: int
    running_backfills: int
    running_deletions: int
    backfill_heartbeat_at: datetime | None
    last_runs: tuple[LastRun, ...]

    @property
    def oldest_waiting_seconds(self) -> float:
        return self._seconds_since(self.oldest_waiting_at) or 0.0

    @property
    def heartbeat_seconds(self) -> float:
        return self._seconds_since(self.backfill_heartbeat_at) or 0.0

    @property
    def last_backfill(self) -> LastRun | None:
        return next((run for run in self.last_runs if run.kind == "backfill"), None)

    @property
    def last_backfill_seconds(self) -> float | None:
        """How long ago the last backfill gave a sign of life; None if no run is on record."""
        run = self.last_backfill
        return self._seconds_since(run.heartbeat_at) if run else None

    def as_dict(self) -> dict[str, Any]:
        """Return the figures for JSON, without anything that a file, a user or a machine is named by."""
        return {
            "moment": self.moment,
            "total": self.summary.total,
            "is_estimate": self.summary.is_estimate,
            "hashed": self.summary.hashed,
            "waiting": self.summary.waiting,
            "failed": self.summary.failed,
            "oldest_waiting_at": self.oldest_waiting_at,
            "oldest_waiting_seconds": round(self.oldest_waiting_seconds, 1),
            "last_hashed_at": self.summary.last_hashed_at,
            "groups_to_review": self.groups_to_review,
            "running_backfills": self.running_backfills,
            "running_deletions": self.running_deletions,
            "backfill_heartbeat_at": self.backfill_heartbeat_at,
            "last_runs": [run.as_dict() for run in self.last_runs],
        }

    def _seconds_since(self, moment: datetime | None) -> float | None:
        # The clocks of the machines that register images differ a little.
        return None if moment is None else max(0.0, (self.moment - moment).total_seconds())


def collect_figures(using: str, labels: Iterable[str] = ()) -> Figures:
    """Return the figures of a database, with about a dozen queries that are cheap at any size.

    With labels of sources, images of these are counted, which takes time in proportion to their number.
    """
    rows = ImageAsset.objects.using(using)
    alive = BackfillRun.objects.using(using).alive()
    heartbeats = list(alive.order_by("heartbeat_at").values_list("heartbeat_at", flat=True))
    deletions = DeletionRun.objects.using(using)
    chosen = rows.of_sources(labels) if labels else rows.all()
    summary = summarize(chosen)
    return Figures(
        moment=read_time(using),
        summary=summary,
        oldest_waiting_at=oldest_waiting(chosen) if summary.waiting else None,
        groups_to_review=DuplicateGroup.objects.using(using).open().count(),
        running_backfills=len(heartbeats),
        running_deletions=deletions.alive().count(),
        backfill_heartbeat_at=heartbeats[0] if heartbeats else None,
        last_runs=tuple(run for run in (last_backfill(using), last_grouping(using), last_deletion(using)) if run),
    )


def oldest_waiting(rows: ImageAssetQuerySet[Any]) -> datetime | None:
    """Return when the waiting image with the lowest key was registered. Keys ascend, so the index finds it at once."""
    waiting = rows.never_tried().filter(file_version=0).order_by("pk")
    found: datetime | None = waiting.values_list("created_at", flat=True).first()
    return found


def last_backfill(using: str) -> LastRun | None:
    runs = BackfillRun.objects.using(using)
    run = runs.order_by("-heartbeat_at", "-pk").first()
    if run is None:
        return None
    if run.ended_at is not None:
        status: RunStatus = "stopped" if run.stopped else "completed"
    else:
        status = "lost" if runs.lost().filter(pk=run.pk).exists() else "running"
    speed = round(run.rate, 2)
    return LastRun(
        "backfill",
        status,
        run.started_at,
        run.ended_at,
        run.heartbeat_at,
        done=run.processed,
        failed=run.failed,
        images_per_second=speed,
        reason=run.stopped,
    )


def last_grouping(using: str) -> LastRun | None:
    run = GroupingRun.objects.using(using).first()
    return LastRun("find_duplicates", "completed", None, run.finished_at) if run else None


def last_deletion(using: str) -> LastRun | None:
    runs = DeletionRun.objects.using(using)
    run = runs.order_by("-pk").first()
    if run is None:
        return None
    if run.ended_at is not None:
        status: RunStatus = "stopped" if run.error or run.is_stopping else "completed"
    elif run.heartbeat_at is None:
        status = "queued"
    else:
        status = "lost" if runs.lost().filter(pk=run.pk).exists() else "running"
    return LastRun("deletion", status, run.queued_at, run.ended_at, run.heartbeat_at, run.done, reason=run.error)
