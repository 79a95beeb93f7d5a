"""A local S3 server (moto) that can be slow, refuse, and go down: `python -m servers.s3 LATENCY` runs one.

It prints its address. Of the tests, each has buckets of its own, because what it holds lasts as long as the process.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Iterable
from threading import Thread
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server
from werkzeug.wrappers import Response

from servers.s3_storage import STATISTICS


class OneRequestHandler(WSGIRequestHandler):
    """Ends the connection after each request, so that a server that is down answers nobody."""

    protocol_version = "HTTP/1.0"

    def log(self, *_arguments: object) -> None: ...


class KeepAliveHandler(OneRequestHandler):
    protocol_version = "HTTP/1.1"


class ObjectStore:
    """On 127.0.0.1. `latency` in seconds, before every answer; `refuses` makes every answer a 403."""

    def __init__(self, latency: float = 0.0, handler: type[WSGIRequestHandler] = OneRequestHandler) -> None:
        self.latency = latency
        self.refuses = False
        self._to_fail = 0
        self.requests: Counter[str] = Counter()
        self._handler = handler
        self._moto: Any = DomainDispatcherApplication(create_backend_app)
        self._server: BaseWSGIServer | None = None
        self._port = 0

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """At the same address as before, and with the same content."""
        self._server = make_server("127.0.0.1", self._port, self._answer, threaded=True, request_handler=self._handler)
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
        """Answer so many requests with a 503."""
        self._to_fail = count

    def _answer(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] == STATISTICS:
            statistics = json.dumps([self.requests, time.process_time()])
            return Response(statistics)(environ, start_response)
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


def main(latency: float) -> None:
    store = ObjectStore(latency, KeepAliveHandler)
    store.start()
    sys.stdout.write(f"{store.endpoint}\n")
    sys.stdout.flush()
    # Until whoever started this ends it, or ends.
    sys.stdin.read()


if __name__ == "__main__":
    main(float(sys.argv[1]))
