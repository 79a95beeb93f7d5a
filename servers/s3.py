"""A local S3 server (moto) that can be slow, refuse requests, and go down.

Its content lasts as long as the process, so each test has its own buckets.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from threading import Thread
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server
from werkzeug.wrappers import Response


class OneRequestHandler(WSGIRequestHandler):
    """Closes the connection after each request, so that no client keeps one to a server that is down."""

    protocol_version = "HTTP/1.0"

    def log(self, *_arguments: object) -> None: ...


class ObjectStore:
    """A server on 127.0.0.1 that waits `latency` seconds before every response; `refuses` makes each of them a 403."""

    def __init__(self) -> None:
        self.latency = 0.0
        self.refuses = False
        self._to_fail = 0
        self.requests: Counter[str] = Counter()
        self._moto: Any = DomainDispatcherApplication(create_backend_app)
        self._server: BaseWSGIServer | None = None
        self._port = 0

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start, again at the same address and with the same content."""
        self._server = make_server(
            "127.0.0.1", self._port, self._answer, threaded=True, request_handler=OneRequestHandler
        )
        self._port = self._server.port
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        if self._server:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            self._server = None

    def fail_next(self, count: int) -> None:
        """Answer the next `count` requests with a 503."""
        self._to_fail = count

    def _answer(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self.requests[environ["REQUEST_METHOD"]] += 1
        time.sleep(self.latency)
        if self._to_fail > 0:
            self._to_fail -= 1
            return Response("<Error><Code>ServiceUnavailable</Code></Error>", 503)(environ, start_response)
        if self.refuses:
            refusal = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
            return Response(refusal, 403, content_type="application/xml")(environ, start_response)
        answer: Iterable[bytes] = self._moto(environ, start_response)
        return answer
