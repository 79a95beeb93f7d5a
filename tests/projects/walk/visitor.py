"""A client that opens addresses, and presses the buttons of forms."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin

from django.test import Client
from django.urls import get_script_prefix


@dataclass
class Form:
    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)

    def has_button(self, name: str) -> bool:
        return any(name == each for each, _value in self.buttons)


class Page(HTMLParser):
    """`links` also has the addresses of images, `files` those of scripts and styles; all without fragments."""

    def __init__(self, address: str, text: str) -> None:
        super().__init__()
        self.address, self.text = address, text
        self.links: list[str] = []
        self.files: list[str] = []
        self.forms: list[Form] = []
        self._form: Form | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        given = {name: value or "" for name, value in attrs}
        target = urljoin(self.address, given.get("href") or given.get("src") or "").partition("#")[0]
        if tag in ("a", "img") and target != self.address:
            self.links.append(target)
        elif (tag == "script" and "src" in given) or (tag == "link" and "stylesheet" in given.get("rel", "")):
            self.files.append(target)
        elif tag == "form":
            action = urljoin(self.address, given.get("action") or self.address)
            self._form = Form(action, given.get("method", "get").lower())
            self.forms.append(self._form)
        elif self._form is not None and tag in ("input", "button"):
            self._add_field(self._form, tag, given)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None

    @staticmethod
    def _add_field(form: Form, tag: str, given: dict[str, str]) -> None:
        name, value = given.get("name", ""), given.get("value", "")
        if tag == "button" or given.get("type") in ("submit", "button"):
            form.buttons.append((name, value))
        elif name and given.get("type") not in ("checkbox", "radio", "file"):
            form.fields[name] = value

    def form(self, *, button: str = "", action: str = "") -> Form:
        """Return the first form that is posted to an address that ends like this, and has a button of this name."""
        for form in self.forms:
            # Each page has a form to log out.
            is_posted = form.method == "post" and not form.action.endswith("/logout/")
            if is_posted and form.action.endswith(action) and (not button or form.has_button(button)):
                return form
        raise AssertionError(f"{self.address} has no form with a button {button!r} to {action!r}:\n{self.text}")


class Visitor:
    """A client with the addresses that a browser would use, which begin with the script name."""

    def __init__(self, user: Any) -> None:
        self.client = Client()
        self.client.force_login(user)

    def open(self, address: str, data: dict[str, Any] | None = None) -> Page:
        """Open a page or send `data` to it, and follow redirects. Raise AssertionError if the status is not 200."""
        for _redirect in range(5):
            ask = self.client.get if data is None else self.client.post
            response: Any = ask(_path(address), *([] if data is None else [data]), secure=True)
            if response.status_code not in (301, 302, 303):
                break
            address, data = urljoin(address, response["Location"]).partition("#")[0], None
        content = b"".join(response)
        assert response.status_code == 200, f"{address} answers {response.status_code}\n{content.decode()[:3000]}"
        is_page = response["Content-Type"].startswith("text/html")
        return Page(address, content.decode() if is_page else "")

    def send(self, form: Form, button: str = "", **fields: Any) -> Page:
        """Fill in some fields of a form, and press one of its buttons."""
        pressed = {name: value for name, value in form.buttons if name == button and name}
        return self.open(form.action, {**form.fields, **pressed, **fields})


def _path(address: str) -> str:
    """Return the path without the script name, as a server passes it to the site."""
    prefix = get_script_prefix()
    assert address.startswith(prefix), f"{address} is outside of {prefix}"
    return f"/{address.removeprefix(prefix)}"
