"""Whether two runs gave the same answers, or one live run gave proper records.

compare.py EXPECTED FOUND    labels are the same, scores of all classes within 0.001
compare.py --live FOUND      every record is one of a live camera
"""

import json
import sys

TOLERANCE = 1e-3


def records(path: str) -> list[dict]:
    with open(path) as lines:
        return [json.loads(line) for line in lines if line.startswith("{")]


def scores(record: dict) -> dict[str, float]:
    return {candidate["label"]: candidate["score"] for candidate in record["top"]}


def compare(expected: list[dict], found: list[dict]) -> None:
    assert expected and len(expected) == len(found), f"{len(found)} records instead of {len(expected)}"
    for here, there in zip(expected, found, strict=True):
        assert here["label"] == there["label"], f"{there['label']} instead of {here['label']}: {there['source']}"
        ours, theirs = scores(here), scores(there)
        worst = max(abs(ours[label] - theirs[label]) for label in ours)
        assert worst <= TOLERANCE, f"{there['source']}: scores differ by {worst}"


def check_live(found: list[dict]) -> None:
    assert found, "there is no record"
    for number, record in enumerate(found):
        assert record["source"] == "camera:0" and record["frame"] == number, record
        assert record["frame_age_ms"] > 0 and record["provider"] == "cpu", record
    print(f"{len(found)} frames, {found[-1]['timing_ms']['inference']:.0f} ms inference under emulation")


if sys.argv[1] == "--live":
    check_live(records(sys.argv[2]))
else:
    compare(records(sys.argv[1]), records(sys.argv[2]))
