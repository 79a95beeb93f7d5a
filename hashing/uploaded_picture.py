from __future__ import annotations

import hashlib
from typing import Any

from hashing.conf import hashing_settings
from hashing.models import ImageAsset
from hashing.perceptual_hash import HASH_VERSION, compute_fingerprint


def hash_uploaded_picture(upload: Any) -> ImageAsset:
    """Return an unsaved asset with the hashes of an upload, to search by. The upload is at its beginning afterwards.

    The picture is decoded in this process, within the limits of the site. Raises `ValueError` for what is no picture or
    too large, `MemoryError`, and `OSError` when the file cannot be read.
    """
    limits = hashing_settings()
    if upload.size > limits.MAX_BYTES:
        raise ValueError(f"Failed to process image: more than {limits.MAX_BYTES} bytes")
    upload.seek(0)
    try:
        found = compute_fingerprint(upload, limits.MAX_PIXELS)
        upload.seek(0)
        digest = hashlib.file_digest(upload, "sha256").hexdigest()
    finally:
        upload.seek(0)
    return ImageAsset(
        perceptual_hash=found.perceptual_hash,
        vertical_hash=found.vertical_hash,
        detail_hash=found.detail_hash,
        hash_quality=found.quality,
        hash_version=HASH_VERSION,
        file_digest=digest,
    )
