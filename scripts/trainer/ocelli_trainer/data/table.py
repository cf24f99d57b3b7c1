"""Reads one table of several labels per picture: CSV, as `ocelli eval` reads it.

The first column is the picture's path from the table's folder. Either the column `labels` has names, `bee;cat`, or
each label has a column of its own with 0 or 1. A column `split` may say train, val or test.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ocelli_trainer.data.dataset import SPLIT_FOLDERS
from ocelli_trainer.errors import TrainerError, warn

LABELS, SPLIT = "labels", "split"  # columns of that meaning
BETWEEN = ";"  # between labels in one field
YES, NO = ("1", "1.0"), ("0", "0.0")
FORMS = f"the picture's path first, then `{LABELS}` with names such as `bee{BETWEEN}cat`, or a column per label"
SPLIT_OF = {name: split for split, names in SPLIT_FOLDERS.items() for name in names}


@dataclass(frozen=True)
class Row:
    line: int
    path: Path
    labels: frozenset[str]
    split: str  # "" where no column says it


@dataclass(frozen=True)
class Table:
    file: Path
    columns: tuple[str, ...]  # the labels that have a column each; none where `labels` has names
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class _Record:
    place: str  # file and line, for errors
    line: int
    fields: list[str]


def read(file: Path) -> Table:
    """The table, or which line says what and what it would have to say."""
    records = list(_records(file))
    if len(records) < 2:
        raise TrainerError(f"{file}: no pictures in it", f"expected a line with names ({FORMS}) and one per picture")
    head, body = records[0], records[1:]
    _check_head(head)
    uneven = next((r for r in body if len(r.fields) != len(head.fields)), None)
    if uneven is not None:
        raise TrainerError(
            f"{uneven.place}: {len(uneven.fields)} fields, expected {len(head.fields)} as in line {head.line}",
            "put a field that holds a comma into double quotes",
        )
    split_at = _split_column(head, body)
    splits = ["" if split_at is None else _split(r, r.fields[split_at]) for r in body]
    others = [i for i in range(1, len(head.fields)) if i != split_at]
    if LABELS in head.fields[1:]:
        columns: tuple[str, ...] = ()
        labels = _named(file, head, body, others)
    else:
        places = [i for i in others if _is_label(head, body, i)]
        columns = tuple(head.fields[i] for i in places)
        if not columns:
            raise TrainerError(f"{head.place}: no labels", f"expected {FORMS}")
        labels = [frozenset(head.fields[i] for i in places if _yes(head, r, i)) for r in body]
    rows = [
        Row(r.line, file.parent / r.fields[0], names, split)
        for r, names, split in zip(body, labels, splits, strict=True)
    ]
    return Table(file, columns, tuple(_once(file, rows)))


def _records(file: Path) -> Iterator[_Record]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            reader, before = csv.reader(text), 0
            for fields in reader:
                line, before = before + 1, reader.line_num
                if fields:
                    yield _Record(f"{file}, line {line}", line, [f.strip() for f in fields])
    except OSError as error:
        raise TrainerError(f"{file} cannot be read: {error.strerror}", "name a CSV file or a folder") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise TrainerError(f"{file} is not a CSV file in UTF-8: {error}", "save it as one") from error


def _check_head(head: _Record) -> None:
    for i, name in enumerate(head.fields):
        if i and not name:
            raise TrainerError(f"{head.place}: column {i + 1} has no name", f"expected {FORMS}")
        if name in head.fields[:i]:
            raise TrainerError(f"{head.place}: two columns are called `{name}`", "give each a name of its own")


def _split_column(head: _Record, body: list[_Record]) -> int | None:
    """Of 0 and 1 alone it is a label of that name."""
    place = head.fields.index(SPLIT, 1) if SPLIT in head.fields[1:] else None
    return None if place is None or all(r.fields[place] in YES + NO for r in body) else place


def _named(file: Path, head: _Record, body: list[_Record], others: list[int]) -> list[frozenset[str]]:
    """The labels of each line where one column has their names; other columns are said to be left out."""
    place = head.fields.index(LABELS, 1)
    if unread := [f"`{head.fields[i]}`" for i in others if i != place]:
        warn(f"{head.place}: columns beside `{LABELS}` are left out: {', '.join(unread)}")
    labels = [frozenset(n.strip() for n in r.fields[place].split(BETWEEN)) - {""} for r in body]
    if any(LABELS in names for names in labels):
        raise TrainerError(f"{file}: a label is called `{LABELS}`, like the column", "give it another name")
    return labels


def _split(record: _Record, word: str) -> str:
    if word not in SPLIT_OF:
        raise TrainerError(f"{record.place}: `{SPLIT}` is `{word}`", f"expected one of {', '.join(SPLIT_OF)}")
    return SPLIT_OF[word]


def _is_label(head: _Record, body: list[_Record], column: int) -> bool:
    """A column without a single 0 or 1 is about something else."""
    found = any(r.fields[column] in YES + NO for r in body)
    if not found:
        warn(f"{head.place}: column `{head.fields[column]}` holds neither 0 nor 1 and is left out: it is no label")
    return found


def _yes(head: _Record, record: _Record, column: int) -> bool:
    value = record.fields[column]
    if value not in YES + NO:
        raise TrainerError(
            f"{record.place}: `{head.fields[column]}` is `{value}`, expected 0 or 1",
            "mend it, or remove the column if it is no label",
        )
    return value in YES


def _once(file: Path, rows: list[Row]) -> Iterator[Row]:
    """Each picture once; one that stands there with other labels is a contradiction."""
    first: dict[Path, Row] = {}
    for row in rows:
        known = first.setdefault(row.path, row)
        if known is row:
            yield row
        elif (known.labels, known.split) != (row.labels, row.split):
            raise TrainerError(
                f"{file}, line {row.line}: {row.path.name} is {_words(row)}, but {_words(known)} in line {known.line}",
                "keep the line that is right",
            )
    if len(first) < len(rows):
        warn(f"{file}: lines that say again what others have said, left out: {len(rows) - len(first)}")


def _words(row: Row) -> str:
    return f"`{BETWEEN.join(sorted(row.labels))}`" + (f" of {row.split}" if row.split else "")
