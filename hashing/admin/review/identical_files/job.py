from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Self
from uuid import UUID, uuid4

from django.core import signing

from hashing.admin.review.identical_files.groups import IdenticalTotals

MAX_AGE_SECONDS = 24 * 3600
SALT = "hashing.admin.review.identical_files"


@dataclass
class IdenticalFilesJob:
    """The decision to keep the suggested images in `total` groups of equal files, and what is done of it.

    Groups are decided by ascending key, from the one after `after` to `last_group`: later ones were not confirmed.
    Groups with a member above `last_member`, which has joined since, are left as they are.
    """

    total: int
    last_group: int
    last_member: int
    # The groups that the user has left out.
    left_out: list[int] = field(default_factory=list)
    batch: str = field(default_factory=lambda: str(uuid4()))
    after: int = 0
    groups: int = 0
    images: int = 0
    # The number of groups left as they were, by reason.
    left: dict[str, int] = field(default_factory=dict)
    error: str = ""

    @classmethod
    def of(cls, totals: IdenticalTotals) -> Self:
        return cls(totals.groups, totals.last_group, totals.last_member)

    @property
    def key(self) -> UUID:
        return UUID(self.batch)

    @property
    def to_decide(self) -> int:
        """The number of groups to be decided, as they were counted."""
        return max(0, self.total - len(self.left_out))

    @property
    def done(self) -> int:
        return min(self.to_decide, self.groups + sum(self.left.values()))

    def add_left(self, reasons: Iterable[str]) -> None:
        self.left = dict(Counter(self.left) + Counter(reasons))

    def token(self, user_pk: Any) -> str:
        """Return the job as a text, signed so that only what this user has confirmed is decided."""
        return signing.dumps(asdict(self), salt=f"{SALT}.{user_pk}", compress=True)

    @classmethod
    def from_token(cls, token: str, user_pk: Any) -> Self:
        """Return the job of a token. Raise `django.core.signing.BadSignature`."""
        return cls(**signing.loads(token, salt=f"{SALT}.{user_pk}", max_age=MAX_AGE_SECONDS))
