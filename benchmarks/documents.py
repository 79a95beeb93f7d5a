"""Documents that look alike: text pages, receipts, chats, products on white, and drawings of one shape or word."""

from __future__ import annotations

import random
from collections.abc import Callable

from PIL import Image, ImageDraw, ImageFont

WORDS = (
    "the of and to in is that for it as was with be by on not he his but at are this have from or had an they which one"
    " you were all her she there would their we him been has when who will no more if out so up said what its about"
).split()
GOODS = ("Milk", "Bread", "Apples", "Coffee", "Butter", "Rice", "Tea", "Cheese", "Eggs", "Onions", "Soap", "Salt")
DARK = ("#202020", "#1a5fb4", "#26a269", "#c01c28", "#613583", "#865e3c")


def text_page(dice: random.Random) -> Image.Image:
    page = Image.new("RGB", (620, 877), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(14)
    y = 60
    while y < 810:
        for _ in range(dice.randint(3, 9)):
            line = ""
            while font.getlength(line) < 470:
                line += dice.choice(WORDS) + " "
            draw.text((60, y), line, fill="black", font=font)
            y += 20
        y += dice.choice((10, 20, 30))
    return page


def receipt(dice: random.Random) -> Image.Image:
    lines = dice.randint(8, 20)
    page = Image.new("RGB", (320, 150 + 22 * lines), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(16)
    draw.text((160, 30), "CORNER SHOP", fill="black", font=ImageFont.load_default(22), anchor="mm")
    draw.text((160, 60), f"{dice.randint(1, 28)}.{dice.randint(1, 12)}.2026", fill="black", font=font, anchor="mm")
    for number in range(lines):
        y = 90 + 22 * number
        draw.text((20, y), dice.choice(GOODS), fill="black", font=font)
        draw.text((300, y), f"{dice.randint(50, 1999) / 100:.2f}", fill="black", font=font, anchor="ra")
    draw.line((20, 95 + 22 * lines, 300, 95 + 22 * lines), fill="black", width=2)
    return page


def chat(dice: random.Random) -> Image.Image:
    page = Image.new("RGB", (360, 640), "#efeae2")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(13)
    draw.rectangle((0, 0, 360, 48), fill="#075e54")
    y = 60
    while y < 590:
        text = " ".join(dice.choices(WORDS, k=dice.randint(1, 7)))
        height, width = 30, round(font.getlength(text)) + 24
        x = 350 - width if (mine := dice.random() < 0.5) else 10
        draw.rounded_rectangle((x, y, x + width, y + height), 8, fill="#dcf8c6" if mine else "white")
        draw.text((x + 12, y + 8), text, fill="black", font=font)
        y += height + dice.choice((6, 12))
    return page


def product(dice: random.Random) -> Image.Image:
    """Some rounded parts in two colours, in the middle of a white square."""
    page = Image.new("RGB", (500, 500), "white")
    draw = ImageDraw.Draw(page)
    colours = dice.sample(DARK, 2)
    for _ in range(dice.randint(2, 5)):
        x, y = dice.randint(120, 280), dice.randint(120, 280)
        box = (x, y, x + dice.randint(40, 140), y + dice.randint(40, 140))
        draw.rounded_rectangle(box, dice.randint(0, 40), fill=dice.choice(colours))
    return page


def drawing(dice: random.Random) -> Image.Image:
    page = Image.new("RGB", (400, 300), "white")
    draw, colour = ImageDraw.Draw(page), dice.choice(DARK)
    x, y, size = dice.randint(100, 300), dice.randint(80, 220), dice.randint(30, 90)
    box = (x - size, y - size, x + size, y + size)
    shapes: tuple[Callable[[], object], ...] = (
        lambda: draw.ellipse(box, fill=colour),
        lambda: draw.rectangle(box, fill=colour),
        lambda: draw.regular_polygon((x, y, size), dice.randint(3, 8), dice.randint(0, 90), fill=colour),
        lambda: draw.text((x, y), dice.choice(GOODS), fill=colour, font=ImageFont.load_default(size), anchor="mm"),
    )
    dice.choice(shapes)()
    return page


DOCUMENTS: dict[str, tuple[Callable[[random.Random], Image.Image], int]] = {
    "text pages": (text_page, 150),
    "receipts": (receipt, 150),
    "chats": (chat, 150),
    "products on white": (product, 150),
    "drawings on white": (drawing, 400),
}


def draw_documents(kind: str) -> list[Image.Image]:
    """Return different documents of one kind, the same ones at each call."""
    draw, count = DOCUMENTS[kind]
    dice = random.Random(kind)
    return [draw(dice) for _ in range(count)]
