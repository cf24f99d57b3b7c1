//! A label per line, with a number or a WordNet id before it or without. A number is
//! numbering only where the numbers of all lines run from 0 or 1 without a gap and what
//! is left tells the classes apart: `0 cat` and `1 dog` are cat and dog, `1 finger` and
//! `2 fingers` are themselves. What could be either is refused.

use std::collections::HashSet;

use super::numbering::{Numbered, in_order, is_numbering};
use super::{Fault, Names};

/// A line that is not blank.
#[derive(Clone, Copy)]
struct Line<'a> {
    at: Option<usize>,
    text: &'a str,
}

/// A line taken apart.
#[derive(Clone, Copy)]
struct Split<'a> {
    number: usize,
    name: &'a str,
    mark: Mark,
}

/// What stands between number and name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    /// White space alone: the number may be a quantity.
    Blank,
    /// A comma, a colon or the like.
    Sign,
    /// One of these with a digit behind it, as in `0,5`, `16:9` or `3 - 9`.
    Tight,
}

/// The labels in a text.
pub(super) fn parse(text: &str) -> Result<Names, Fault> {
    of_lines((1..).zip(text.lines()))
}

/// The labels in lines, each with its number in the file.
pub(super) fn of_lines<'a>(lines: impl Iterator<Item = (usize, &'a str)>) -> Result<Names, Fault> {
    let mut lines: Vec<Line> = lines
        .map(|(at, text)| Line {
            at: Some(at),
            text: text.trim(),
        })
        .collect();
    while lines.last().is_some_and(|line| line.text.is_empty()) {
        lines.pop();
    }
    let all = lines.len();
    lines.retain(|line| !line.text.is_empty());
    let mut remarks = Vec::new();
    if all > lines.len() {
        remarks.push(format!("blank lines left out: {}", all - lines.len()));
    }
    if let Some(comments) = comments(&lines) {
        lines.drain(..comments);
        remarks.push(format!("lines of comment left out: {comments}"));
    }
    if lines.is_empty() {
        return Err(Fault::of("the label file is empty"));
    }
    refuse_structure(&lines)?;
    let mut found = numbered_or_plain(&lines)?;
    found.remarks.extend(remarks);
    Ok(found)
}

/// The labels in a list's items.
pub(super) fn of_items(items: &[&str]) -> Result<Names, Fault> {
    let line = |item: &&'_ str| item.trim().to_owned();
    let texts: Vec<String> = items.iter().map(line).collect();
    let lines: Vec<Line> = texts.iter().map(|text| Line { at: None, text }).collect();
    numbered_or_plain(&lines)
}

/// How many lines of comment stand at the top: `# ` with a blank, as `#1` is a name.
fn comments(lines: &[Line]) -> Option<usize> {
    let is_comment = |line: &Line| line.text == "#" || line.text.starts_with("# ");
    let count = lines.iter().take_while(|line| is_comment(line)).count();
    let is_rest_plain = !lines[count..].iter().any(is_comment);
    (count > 0 && count < lines.len() && is_rest_plain).then_some(count)
}

/// Refuses what is a piece of something else.
fn refuse_structure(lines: &[Line]) -> Result<(), Fault> {
    let (Some(first), Some(last)) = (lines.first(), lines.last()) else {
        return Ok(());
    };
    let fault = |line: &Line, what: &str| Fault {
        line: line.at,
        ..Fault::of(format!("`{:.40}` {what}", line.text))
    };
    if first.text.starts_with("version https://git-lfs") {
        let fault = fault(first, "is a pointer of Git LFS, not the file itself");
        return Err(fault.with_remedy("fetch the file (git lfs pull)"));
    }
    let is_closed = |line: &Line| line.text.contains("</") || line.text.contains("/>");
    if first.text.starts_with("<!")
        || first.text.starts_with("<?")
        || first.text.starts_with('<') && lines.iter().any(is_closed)
    {
        return Err(fault(first, "is markup: a web page, or XML"));
    }
    let opens = |line: &&Line| line.text.ends_with(['{', '[']);
    let closes = |line: &&Line| line.text.starts_with(['}', ']']);
    let piece = lines.iter().find(opens).or(lines.iter().find(closes));
    if let Some(piece) = piece {
        return Err(fault(
            piece,
            "is a piece of a list or a program, not a label",
        ));
    }
    let is_listed = |line: &Line| line.text.ends_with(',');
    if lines.len() > 1 && lines[..lines.len() - 1].iter().all(is_listed) && quoted(last).is_some()
        || lines.iter().all(is_listed)
    {
        return Err(fault(first, "is a piece of a list, not a label"));
    }
    Ok(())
}

fn numbered_or_plain(lines: &[Line]) -> Result<Names, Fault> {
    let lines = &bare(lines)[..];
    if let Some(entries) = in_front(lines)?.or(behind(lines)?) {
        let names: Vec<Line> = entries
            .iter()
            .map(|entry| Line {
                at: entry.line,
                text: &entry.name,
            })
            .collect();
        let numbers = entries.iter().map(|entry| entry.number);
        let named = bare(&names).into_iter().zip(numbers);
        return in_order(
            named
                .map(|(line, number)| Numbered {
                    number,
                    name: line.text.to_owned(),
                    line: line.at,
                })
                .collect(),
        );
    }
    Ok(Names {
        names: lines.iter().map(|line| line.text.to_owned()).collect(),
        remarks: Vec::new(),
    })
}

/// Lines without the WordNet ids or the quotes that all of them have.
fn bare<'a>(lines: &[Line<'a>]) -> Vec<Line<'a>> {
    let strip = |part: fn(&Line<'a>) -> Option<&'a str>| -> Option<Vec<Line<'a>>> {
        let line = |line: &Line<'a>| {
            Some(Line {
                text: part(line)?,
                ..*line
            })
        };
        lines.iter().map(line).collect()
    };
    strip(behind_wordnet_id)
        .or_else(|| strip(quoted))
        .unwrap_or_else(|| lines.to_vec())
}

/// Whether this is an id of WordNet's, such as `n01440764`.
pub(super) fn is_wordnet_id(text: &str) -> bool {
    text.strip_prefix('n')
        .is_some_and(|digits| digits.len() == 8 && digits.bytes().all(|b| b.is_ascii_digit()))
}

/// The name behind an id.
fn behind_wordnet_id<'a>(line: &Line<'a>) -> Option<&'a str> {
    let (id, name) = line.text.split_once([' ', '\t', ',', ':'])?;
    let name = name.trim_start();
    (is_wordnet_id(id) && !name.is_empty()).then_some(name)
}

/// What stands between quotes, if that is all.
fn quoted<'a>(line: &Line<'a>) -> Option<&'a str> {
    ['"', '\''].iter().find_map(|quote| {
        let inner = line.text.strip_prefix(*quote)?.strip_suffix(*quote)?;
        (!inner.contains(*quote) && !inner.is_empty()).then_some(inner)
    })
}

/// The entries, where a number in front of each line numbers them.
fn in_front(lines: &[Line]) -> Result<Option<Vec<Numbered>>, Fault> {
    let splits: Vec<Option<Split>> = lines.iter().map(|line| front(line.text)).collect();
    let Some(all) = splits.iter().copied().collect::<Option<Vec<Split>>>() else {
        return refuse_exceptions(lines, &splits).map(|()| None);
    };
    let is_sure = all.iter().all(|split| split.mark != Mark::Blank);
    decide(lines, &all, is_sure)
}

/// The entries, where a number behind each line numbers them.
fn behind(lines: &[Line]) -> Result<Option<Vec<Numbered>>, Fault> {
    let splits = lines.iter().map(|line| back(line.text));
    let Some(all) = splits.collect::<Option<Vec<Split>>>() else {
        return Ok(None);
    };
    let starts = all.iter().any(|split| split.number <= 1);
    let is_sure = starts && all.iter().all(|split| split.mark == Mark::Sign);
    decide(lines, &all, is_sure)
}

/// Whether the numbers of all lines are numbering; `is_sure` where their marks say so.
fn decide(lines: &[Line], splits: &[Split], is_sure: bool) -> Result<Option<Vec<Numbered>>, Fault> {
    let count = lines.len();
    let kinds = kinds(splits);
    if count < 2 || kinds < 2 && !is_sure {
        return Ok(None);
    }
    let is_whole = is_numbering(splits.iter().map(|split| split.number));
    if splits.iter().any(|split| split.mark == Mark::Tight) {
        let same = |split: &Split| split.name.parse() == Ok(split.number);
        if !is_whole || kinds < 2 {
            return Ok(None);
        }
        if !splits.iter().all(same) {
            return Err(either_way(&lines[0]));
        }
    }
    let entries = lines.iter().zip(splits).map(|(line, split)| Numbered {
        number: split.number,
        name: split.name.to_owned(),
        line: line.at,
    });
    let entries: Vec<Numbered> = entries.collect();
    let are_told_apart = kinds >= 2 && kinds >= count.div_ceil(2);
    match (is_whole, are_told_apart) {
        (true, true) => Ok(Some(entries)),
        (true, false) if is_sure && kinds >= 2 => Ok(Some(entries)),
        (true, false) => Err(either_way(&lines[0])),
        // Numbering with a gap or a number twice; `2 euro` and `50 cent` have neither.
        (false, _) => {
            let least = splits.iter().map(|split| split.number).min();
            let most = splits.iter().map(|split| split.number).max();
            let nearly = least.is_some_and(|n| n <= 1) && most.is_some_and(|n| n <= 2 * count);
            if is_sure || nearly && are_told_apart {
                in_order(entries).map(|_| None)
            } else {
                Ok(None)
            }
        }
    }
}

fn either_way(line: &Line) -> Fault {
    Fault {
        line: line.at,
        ..Fault::of(format!(
            "`{:.40}` may be a number and a name, or all of it a name",
            line.text
        ))
    }
    .with_remedy(
        "write the labels without numbers, in order, or as CSV with the header `index,name`",
    )
}

/// Refuses lines that number themselves, but for a few.
fn refuse_exceptions(lines: &[Line], splits: &[Option<Split>]) -> Result<(), Fault> {
    for first in [0, 1] {
        let in_place = (first..).zip(splits);
        let in_place = in_place.filter(|(at, split)| split.is_some_and(|s| s.number == *at));
        let numbered: Vec<Split> = in_place.filter_map(|(_, split)| *split).collect();
        let most = lines.len().div_ceil(2).max(2);
        if numbered.len() < most || kinds(&numbered) < numbered.len().div_ceil(2).max(2) {
            continue;
        }
        let odd = lines.iter().zip(splits).find(|(_, split)| split.is_none());
        if let Some((line, _)) = odd {
            return Err(Fault {
                line: line.at,
                ..Fault::of(format!(
                    "`{:.40}` where a number and a name were expected, as on the other lines",
                    line.text
                ))
            });
        }
    }
    Ok(())
}

/// How many names there are that differ by more than their number: "finger" and "fingers"
/// are the same thing counted.
fn kinds(splits: &[Split]) -> usize {
    let stem = |split: &Split| match split.name.to_lowercase().as_str() {
        "people" => "person".to_owned(),
        "children" => "child".to_owned(),
        name => name.trim_end_matches('s').trim_end_matches('e').to_owned(),
    };
    splits.iter().map(stem).collect::<HashSet<_>>().len()
}

/// `0 cat`, `0: cat`, `0,cat`, `0. cat`, `0) cat`, `0 - cat`, `0 = cat`.
fn front(text: &str) -> Option<Split<'_>> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number = text[..digits].parse().ok()?;
    let rest = &text[digits..];
    let (mark, name) = match rest.strip_prefix([':', ',', ';', '.', ')', '=', '|']) {
        Some(name) if name.starts_with(|c: char| c.is_ascii_digit()) => (Mark::Tight, name),
        Some(name) => (Mark::Sign, name),
        None => {
            let name = rest.trim_start();
            if name.len() == rest.len() {
                return None;
            }
            spaced_sign(name).unwrap_or((Mark::Blank, name))
        }
    };
    let name = name.trim_start();
    (!name.is_empty()).then_some(Split { number, name, mark })
}

/// A sign between blanks, and what follows it. `0 - 2 years` is a span.
fn spaced_sign(text: &str) -> Option<(Mark, &str)> {
    let name = text.strip_prefix([':', '=', '|', '-'])?;
    let is_span = name.trim_start().starts_with(|c: char| c.is_ascii_digit());
    let mark = if is_span { Mark::Tight } else { Mark::Sign };
    name.starts_with([' ', '\t']).then_some((mark, name))
}

/// `cat 0`, `cat: 0`, `cat,0`, `cat = 0`.
fn back(text: &str) -> Option<Split<'_>> {
    let digits = text.bytes().rev().take_while(u8::is_ascii_digit).count();
    let (rest, number) = text.split_at(text.len() - digits);
    let number = number.parse().ok()?;
    let name = rest.trim_end();
    let (mark, name) = match name.strip_suffix([':', ',', ';', '=', '|']) {
        Some(name) => (Mark::Sign, name.trim_end()),
        None if name.len() == rest.len() => return None,
        None if rest.ends_with('\t') => (Mark::Sign, name),
        None => (Mark::Blank, name),
    };
    (!name.is_empty()).then_some(Split { number, name, mark })
}
