from __future__ import annotations

from hashing.backfill.writer import OutcomeWriter
from hashing.fingerprint.fingerprint import Fingerprint
from hashing.models import ImageAsset
from hashing.workers.worker import Outcome

FINGERPRINT = Fingerprint("0f" * 8, "f0" * 8, "3c" * 32, 80, 640, 480)
DIGEST = "a5" * 32


def add(name: str, **fields) -> ImageAsset:
    return ImageAsset.objects.bulk_create([ImageAsset(image=name, **fields)])[0]


def hashed(asset: ImageAsset) -> Outcome:
    return Outcome(asset.pk, asset.image.name, FINGERPRINT, 1234, file_digest=DIGEST)


class Writer(OutcomeWriter):
    """Takes one version for all outcomes, and returns a list."""

    def write(self, outcomes, version=0):
        return list(super().write(outcomes, {outcome.pk: version for outcome in outcomes}))
