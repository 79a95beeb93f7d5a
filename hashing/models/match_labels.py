"""Labels for how a picture that was found is framed, turned and mirrored, compared with another one."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from hashing.fingerprint.orientations import Orientation
from hashing.fingerprint.similarity import Framing

ORIENTATION_LABELS = {
    Orientation.UPRIGHT: _("upright"),
    Orientation.MIRRORED: _("mirrored"),
    Orientation.HALF_TURN: _("turned by 180°"),
    Orientation.FLIPPED: _("flipped"),
    Orientation.TRANSPOSED: _("turned right, mirrored"),
    Orientation.TURNED_RIGHT: _("turned right"),
    Orientation.TRANSVERSED: _("turned left, mirrored"),
    Orientation.TURNED_LEFT: _("turned left"),
}
# Labels of the picture that was found. If both have a frame, it is mostly the same one and needs no label.
FRAMING_LABELS = {Framing.ROW: _("in a frame"), Framing.QUERY: _("without the frame")}


def describe_match(framing: int, orientation: int) -> str:
    """Return how a picture is framed, turned and mirrored, compared with another one; empty if it is as that is."""
    labels = [FRAMING_LABELS.get(Framing(framing), "")]
    if orientation != Orientation.UPRIGHT:
        labels.append(ORIENTATION_LABELS[Orientation(orientation)])
    return ", ".join(str(label) for label in labels if label)
