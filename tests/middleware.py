from __future__ import annotations

from collections.abc import Callable
from threading import RLock

from django.db import connection
from django.http import HttpRequest, HttpResponse

GetResponse = Callable[[HttpRequest], HttpResponse]

lock = RLock()


def one_request_at_a_time(get_response: GetResponse) -> GetResponse:
    """Let no request begin before another one has ended, on SQLite.

    Its database is in memory, and all threads of the server share one connection: a savepoint of one request would end
    those of another.
    """

    def respond(request: HttpRequest) -> HttpResponse:
        with lock:
            return get_response(request)

    return respond if connection.vendor == "sqlite" else get_response


def strict_policy(get_response: GetResponse) -> GetResponse:
    """Let pages use scripts, styles and images of the site alone, and nothing that stands in the page itself."""

    def respond(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.setdefault("Content-Security-Policy", "default-src 'self'")
        return response

    return respond
