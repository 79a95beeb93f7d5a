"""How a site reaches `servers.s3`. Its processes do not import moto."""

from __future__ import annotations

from typing import Any

from botocore.config import Config


def storage_options(endpoint: str, bucket: str) -> dict[str, Any]:
    """Return arguments of django-storages' S3Storage."""
    return {
        "endpoint_url": endpoint,
        "bucket_name": bucket,
        "access_key": "key",
        "secret_key": "secret",
        "region_name": "us-east-1",
        # When the server is down, retries would take half a minute.
        "client_config": Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=20),
    }
