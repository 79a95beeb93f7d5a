from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from hashing.fingerprint.limits import refuse_too_large


class S3Object:
    """As much of a file as a reader needs. Nothing of the content is read before `read`, which gives all of it."""

    def __init__(self, response: dict[str, Any]) -> None:
        self.size: int = response["ContentLength"]
        self._body = response["Body"]

    def read(self, _at_most: int) -> bytes:
        """The size is known, and holds: without a limit, the client raises for content that ends early."""
        content: bytes = self._body.read()
        return content

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._body.close()


def is_s3(storage: Any) -> bool:
    """Whether `open_object` gives what the storage itself would: a subclass may decrypt, and gzip is unpacked."""
    module = sys.modules.get("storages.backends.s3")
    kind = storage.__class__
    return (
        module is not None
        and issubclass(kind, module.S3Storage)
        and all(getattr(kind, name) is getattr(module.S3Storage, name) for name in ("open", "_open"))
        and not storage.gzip
    )


def open_object(storage: Any, name: str) -> S3Object:
    """Raises `FileNotFoundError`, and what boto3 raises."""
    from boto3.s3.transfer import S3Transfer
    from botocore.exceptions import ClientError
    from storages.utils import clean_name

    name = clean_name(name)
    key = storage._normalize_name(name)  # noqa: SLF001 - what `open` does
    parameters = storage.get_object_parameters(name)
    known = {each: value for each, value in parameters.items() if each in S3Transfer.ALLOWED_DOWNLOAD_ARGS}
    try:
        # The client of all threads, which may share it, and not an object as `open` makes one: it costs a third more.
        return S3Object(storage.bucket.meta.client.get_object(Bucket=storage.bucket_name, Key=key, **known))
    except ClientError as error:
        # Of a bucket that is gone, this is not said: then it is no file that is missing.
        if error.response["Error"]["Code"] in {"NoSuchKey", "404"}:
            raise FileNotFoundError(f"No object {key}") from error
        raise


def prepare(storage: Any, threads: int) -> None:
    """Have a connection for each of so many threads, which share a client: it keeps ten by itself."""
    from botocore.config import Config

    connections = max(threads, storage.client_config.max_pool_connections)
    storage.client_config = storage.client_config.merge(Config(max_pool_connections=connections))
    # Made here and now, or each thread would make one, at a tenth of a second. What is wrong shows in the first read.
    with suppress(Exception):
        _ = storage.bucket


Reserve = Callable[[int], None]


def read_stored_file(storage: Any, name: str, max_bytes: int, reserve: Reserve | None = None) -> bytes:
    """Raises `FileTooLarge`, and what the storage raises. `reserve` is told the size before the content is read."""
    with open_object(storage, name) if is_s3(storage) else storage.open(name, "rb") as stored:
        size = _told_size(stored)
        refuse_too_large(size, max_bytes)
        if reserve:
            reserve(size)
        content: bytes = stored.read(max_bytes + 1)
    refuse_too_large(len(content), max_bytes)
    return content


def _told_size(stored: Any) -> int:
    """Asked first, because many a storage fetches the whole file at the first `read`. 0 where it is not known."""
    try:
        return stored.size or 0
    except (AttributeError, NotImplementedError):
        return 0
