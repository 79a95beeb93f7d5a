"""The results of an import."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from hashing.text import printable

SHOWN_EXAMPLES = 3


@dataclass
class ImportReport:
    """Counts of files; `left_out` by reason, and `failed` those among them that could not be read or stored."""

    registered: int = 0
    known: int = 0
    failed: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    examples: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def leave_out(self, name: str, reason: str) -> None:
        self.left_out[reason] += 1
        if len(self.examples[reason]) < SHOWN_EXAMPLES:
            self.examples[reason].append(printable(name))

    def as_text(self) -> str:
        """A block for a terminal, without a line break at its end."""
        lines = [
            f"Registered: {self.registered}",
            f"Registered before: {self.known}",
            f"Left out: {self.left_out.total()}",
        ]
        return "\n".join(lines + [self._line(reason, count) for reason, count in self.left_out.most_common()])

    def _line(self, reason: str, count: int) -> str:
        more = ", ..." if count > SHOWN_EXAMPLES else ""
        return f"  - {reason}: {count} ({', '.join(self.examples[reason])}{more})"
