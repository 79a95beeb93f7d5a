"""How tests and benchmarks reach servers.s3, without moto, which the processes of a site do not import."""

from __future__ import annotations

from typing import Any

from botocore.config import Config

# Answered with the requests so far by method, and the seconds of CPU time of the server's process.
STATISTICS = "/-/statistics"


def storage_options(endpoint: str, bucket: str) -> dict[str, Any]:
    """Arguments of django-storages' S3Storage. Without retries, which would take half a minute of an outage."""
    return {
        "endpoint_url": endpoint,
        "bucket_name": bucket,
        "access_key": "key",
        "secret_key": "secret",
        "region_name": "us-east-1",
        "client_config": Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=20),
    }
