"""Make the picture library of the demo: `python -m samples.library FOLDER`.

It has each sample photograph with copies of it, some of them in a frame, a blank page, a logo, and broken files.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from PIL import ExifTags, Image, ImageDraw, ImageOps

PHOTOGRAPHS = Path(__file__).parent / "photographs"
STORED_TURNED = 6


def make_library(folder: Path) -> int:
    """Fill `folder`, replacing the files of an earlier call, and return the number of files in it."""
    for photograph in sorted(PHOTOGRAPHS.glob("*.jpg")):
        target = folder / photograph.stem
        target.mkdir(parents=True, exist_ok=True)
        (target / "original.jpg").write_bytes(with_exif(photograph.read_bytes()))
        with Image.open(photograph) as image:
            for name, make in COPIES.items():
                make(image, target / name)
    for name, make in FRAMED_COPIES.items():
        with Image.open(PHOTOGRAPHS / f"{Path(name).parent}.jpg") as image:
            make(image, folder / name)
    add_odd_files(folder)
    return sum(path.is_file() for path in folder.rglob("*"))


def with_exif(jpeg: bytes) -> bytes:
    """Return the file as a camera would have written it: with the camera and the date, and the same pixels."""
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Sample"
    exif[ExifTags.Base.Model] = "Sample camera"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2020:06:01 12:00:00"
    block = b"Exif\0\0" + exif.tobytes().removeprefix(b"Exif\0\0")
    return jpeg[:2] + b"\xff\xe1" + (len(block) + 2).to_bytes(2) + block + jpeg[2:]


def half_size(image: Image.Image, path: Path) -> None:
    image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS).save(path, quality=90)


def recompress(image: Image.Image, path: Path) -> None:
    image.save(path, quality=30)


def crop(image: Image.Image, path: Path) -> None:
    left, top = image.width // 40, image.height // 40
    image.crop((left, top, image.width - left, image.height - top)).save(path, quality=90)


def turn_by_exif(image: Image.Image, path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = STORED_TURNED
    image.transpose(Image.Transpose.ROTATE_90).save(path, quality=90, exif=exif)


def add_alpha(image: Image.Image, path: Path) -> None:
    image.convert("RGBA").save(path)


def save_as_webp(image: Image.Image, path: Path) -> None:
    image.save(path, quality=80)


def pad_to_square(image: Image.Image, path: Path) -> None:
    """Add white bars above and below, as shops do."""
    side = max(image.size)
    ImageOps.pad(image, (side, side), color="white").save(path, quality=90)


def letterbox(image: Image.Image, path: Path) -> None:
    """Add the black bars that an upright screen of a phone shows."""
    ImageOps.pad(image, (image.width, image.width * 16 // 9), color="black").save(path, quality=90)


def add_border(image: Image.Image, path: Path) -> None:
    ImageOps.expand(image, image.width // 20, "#204030").save(path, quality=90)


COPIES: dict[str, Callable[[Image.Image, Path], None]] = {
    "half-size.jpg": half_size,
    "recompressed.jpg": recompress,
    "cropped.jpg": crop,
    "turned-by-exif.jpg": turn_by_exif,
    "alpha.png": add_alpha,
    "other-format.webp": save_as_webp,
}
FRAMED_COPIES: dict[str, Callable[[Image.Image, Path], None]] = {
    "coffee/padded-to-square.jpg": pad_to_square,
    "coffee/letterboxed.jpg": letterbox,
    "coffee/with-a-border.jpg": add_border,
}


def add_odd_files(folder: Path) -> None:
    odd = folder / "odd"
    odd.mkdir(exist_ok=True)
    Image.new("RGB", (600, 800), "white").save(odd / "blank-page.png")
    draw_logo().save(odd / "logo.png")
    whole = (PHOTOGRAPHS / "coffee.jpg").read_bytes()
    (odd / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
    (odd / "shopping-list.jpg").write_text("milk, bread, film for the camera\n", encoding="utf-8")
    (odd / "empty.png").touch()


def draw_logo() -> Image.Image:
    logo = Image.new("RGB", (600, 400), "white")
    draw = ImageDraw.Draw(logo)
    draw.ellipse((225, 100, 375, 250), fill="#205493")
    draw.rectangle((200, 290, 400, 310), fill="#205493")
    return logo


if __name__ == "__main__":
    sys.stdout.write(f"{make_library(Path(sys.argv[1]))} files in {sys.argv[1]}\n")
