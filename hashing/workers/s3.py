"""Reading from S3 with one request a file; `S3Storage.open` makes two, and an object for each file."""

from __future__ import annotations

import sys
from contextlib import suppress
from types import TracebackType
from typing import Any, Self


class S3Object:
    """A file as far as a reader needs it. `read` fetches all of the content, nothing is fetched before."""

    def __init__(self, response: dict[str, Any]) -> None:
        self.size: int = response["ContentLength"]
        self._body = response["Body"]

    def read(self, _max_bytes: int) -> bytes:
        # Without a limit, the client raises an error for content that ends early. The size is known and reliable.
        content: bytes = self._body.read()
        return content

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._body.close()


def is_s3(storage: Any) -> bool:
    """Whether `open_object` reads what the storage itself would: a subclass may decrypt, and gzip is unpacked."""
    module = sys.modules.get("storages.backends.s3")
    kind = storage.__class__
    return (
        module is not None
        and issubclass(kind, module.S3Storage)
        and all(getattr(kind, name) is getattr(module.S3Storage, name) for name in ("open", "_open"))
        and not storage.gzip
    )


def open_object(storage: Any, name: str) -> S3Object:
    """Raise `FileNotFoundError` for an object that does not exist, and the errors of boto3."""
    # django-storages with S3 is optional.
    from boto3.s3.transfer import S3Transfer
    from botocore.exceptions import ClientError
    from storages.utils import clean_name

    name = clean_name(name)
    # django-storages has no public way from a name to its key. A test reads a file under a location.
    key = storage._normalize_name(name)  # noqa: SLF001
    parameters = storage.get_object_parameters(name)
    known = {each: value for each, value in parameters.items() if each in S3Transfer.ALLOWED_DOWNLOAD_ARGS}
    try:
        # Threads may share this client. A resource object, as `open` makes it, costs a third more.
        return S3Object(storage.bucket.meta.client.get_object(Bucket=storage.bucket_name, Key=key, **known))
    except ClientError as error:
        # A missing bucket has another code: then the file is not known to be missing.
        if error.response["Error"]["Code"] in {"NoSuchKey", "404"}:
            raise FileNotFoundError(f"No object {key}") from error
        raise


def prepare_connections(storage: Any, threads: int) -> None:
    """Let the client that all threads share keep a connection for each of them. Its default is ten."""
    from botocore.config import Config

    connections = max(threads, storage.client_config.max_pool_connections)
    storage.client_config = storage.client_config.merge(Config(max_pool_connections=connections))
    # Create the client now: otherwise, each thread would create one, in a tenth of a second. An error shows again in
    # the first read.
    with suppress(Exception):
        _ = storage.bucket
