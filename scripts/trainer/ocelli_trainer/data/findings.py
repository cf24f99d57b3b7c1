"""What the lint has to say of a data set, as text for a person and as JSON for a program."""

import json
from dataclasses import asdict, dataclass, field

SHOWN = 5  # files named in a finding's text; the JSON names all


def few(labels: list[str], what: str = "classes") -> str:
    """The first of them by name, and how many more there are."""
    shown = ", ".join(repr(s) for s in labels[:SHOWN])
    return shown if len(labels) <= SHOWN else f"{shown} and {len(labels) - SHOWN} more {what}"


@dataclass(frozen=True)
class Finding:
    level: str  # error | warning | note
    kind: str
    text: str
    files: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class LintResult:
    dataset: str
    pictures: dict[str, dict[str, int]]  # split => label => count
    findings: list[Finding]
    splits: dict[str, int]  # split => count of pictures, which may have several labels or none

    @property
    def errors(self) -> list[Finding]:
        return [f for f in self.findings if f.level == "error"]

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False, indent=1)

    def to_text(self) -> str:
        lines = [f"{self.dataset}: " + ", ".join(f"{n} {split}" for split, n in self.splits.items())]
        for finding in self.findings:
            more = len(finding.files) - SHOWN
            files = "".join(f"\n    {f}" for f in finding.files[:SHOWN]) + (
                f"\n    and {more} more" if more > 0 else ""
            )
            lines.append(f"{finding.level}: {finding.kind}: {finding.text}{files}")
        return "\n".join(lines if self.findings else [*lines, "no findings"])
