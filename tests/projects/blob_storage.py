from __future__ import annotations

from io import BytesIO
from typing import Any

from django.core.files.base import File
from django.core.files.storage import FileSystemStorage, Storage
from django.utils.deconstruct import deconstructible


@deconstructible
class BlobStorage(Storage):
    """A storage without paths, which keeps its files in MEDIA_ROOT."""

    def __init__(self) -> None:
        self._disk = FileSystemStorage()

    def _open(self, name: str, mode: str = "rb") -> File[bytes]:
        with self._disk.open(name, mode) as file:
            return File(BytesIO(file.read()), name)

    def _save(self, name: str, content: Any) -> str:
        return self._disk.save(name, content)

    def delete(self, name: str) -> None:
        self._disk.delete(name)

    def exists(self, name: str) -> bool:
        return self._disk.exists(name)

    def size(self, name: str) -> int:
        return self._disk.size(name)

    def listdir(self, path: str) -> Any:
        return self._disk.listdir(path)

    def url(self, name: str) -> str:
        return f"https://blobs.example.org/{name}"
