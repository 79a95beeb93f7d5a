"""Make the picture library of the demo: `python -m samples.library FOLDER`.

Every sample photograph, and copies of it as they come about on a site: smaller, recompressed, cropped, turned by its
EXIF tag, in another format. Beside them what a library also holds: a blank page, a logo, files that are broken.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from PIL import ExifTags, Image, ImageDraw

PHOTOGRAPHS = Path(__file__).parent / "photographs"
STORED_TURNED = 6


def make_library(folder: Path) -> int:
    """Fill `folder` and return the number of files in it. Files that are there already are made again, the same."""
    for photograph in sorted(PHOTOGRAPHS.glob("*.jpg")):
        target = folder / photograph.stem
        target.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(photograph, target / "original.jpg")
        with Image.open(photograph) as image:
            for name, make in COPIES.items():
                make(image, target / name)
    _add_hopeless_cases(folder)
    return sum(path.is_file() for path in folder.rglob("*"))


def _half_size(image: Image.Image, path: Path) -> None:
    image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS).save(path, quality=90)


def _recompressed(image: Image.Image, path: Path) -> None:
    image.save(path, quality=30)


def _cropped(image: Image.Image, path: Path) -> None:
    left, top = image.width // 40, image.height // 40
    image.crop((left, top, image.width - left, image.height - top)).save(path, quality=90)


def _turned_by_exif(image: Image.Image, path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = STORED_TURNED
    image.transpose(Image.Transpose.ROTATE_90).save(path, quality=90, exif=exif)


def _with_alpha(image: Image.Image, path: Path) -> None:
    image.convert("RGBA").save(path)


def _as_webp(image: Image.Image, path: Path) -> None:
    image.save(path, quality=80)


COPIES: dict[str, Callable[[Image.Image, Path], None]] = {
    "half-size.jpg": _half_size,
    "recompressed.jpg": _recompressed,
    "cropped.jpg": _cropped,
    "turned-by-exif.jpg": _turned_by_exif,
    "alpha.png": _with_alpha,
    "other-format.webp": _as_webp,
}


def _add_hopeless_cases(folder: Path) -> None:
    odd = folder / "odd"
    odd.mkdir(exist_ok=True)
    Image.new("RGB", (600, 800), "white").save(odd / "blank-page.png")
    _logo().save(odd / "logo.png")
    whole = (PHOTOGRAPHS / "coffee.jpg").read_bytes()
    (odd / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
    (odd / "shopping-list.jpg").write_text("milk, bread, film for the camera\n", encoding="utf-8")
    (odd / "empty.png").touch()


def _logo() -> Image.Image:
    logo = Image.new("RGB", (600, 400), "white")
    draw = ImageDraw.Draw(logo)
    draw.ellipse((225, 100, 375, 250), fill="#205493")
    draw.rectangle((200, 290, 400, 310), fill="#205493")
    return logo


if __name__ == "__main__":
    sys.stdout.write(f"{make_library(Path(sys.argv[1]))} files in {sys.argv[1]}\n")
