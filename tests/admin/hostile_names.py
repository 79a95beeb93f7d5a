from __future__ import annotations

from hashing.models import ImageAsset
from tests.admin.tenants import World

HOSTILE_NAMES = [
    "<script>window.isHacked = true</script>",
    "\"'><img src=x onerror='window.isHacked = true'>",
    "{{ 7 }}{% now 'Y' %}",
    "a\u202egpj.exe",
    "line\r\nSet-Cookie: name=value",
    "\x1b[31m\x07bell",
    "javascript:window.isHacked=true",
    "x" * 200,
    "../../../../etc/passwd",
]


def give_hostile_names(world: World) -> None:
    """Give all images names that an attacker may choose."""
    for number, asset in enumerate([*world.own.values(), *world.secret.values()]):
        name = HOSTILE_NAMES[number % len(HOSTILE_NAMES)]
        error = asset.hash_error and f"{name} {asset.hash_error}"
        fields = {"image": f"own/{number}{name}.jpg", "hash_error": error, "perceptual_hash": asset.perceptual_hash}
        ImageAsset.objects.filter(pk=asset.pk).update(**fields)
