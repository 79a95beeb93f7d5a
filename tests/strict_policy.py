from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

GetResponse = Callable[[HttpRequest], HttpResponse]


def strict_policy(get_response: GetResponse) -> GetResponse:
    """Let pages use scripts, styles and images of the site alone, and nothing that stands in the page itself."""

    def respond(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.setdefault("Content-Security-Policy", "default-src 'self'")
        return response

    return respond
