//! What was measured, for people: a table, and what it tells.

use std::fmt::Write;
use std::time::Duration;

use ocelli::matching::{Match, Row};

use super::flags::upper;

/// Rows that are shown of those that cannot be told apart.
const EQUALS: usize = 10;
/// Values of one fact that are shown beside the winner's.
const OTHERS: usize = 4;
/// Recipes that are named.
const RECIPES: usize = 4;
const HEADER: [&str; 8] = [
    "log-loss",
    "above the lowest",
    "by chance",
    "right",
    "colour",
    "values",
    "resize",
    "filter",
];

/// The report. Writing to a String cannot fail.
pub(super) fn text(found: &Match, took: Duration) -> String {
    let Match {
        model,
        pictures,
        classes,
        tried,
        runs,
        ..
    } = found;
    let (engine, provider) = (&found.identity.engine, &found.identity.provider);
    let seconds = took.as_secs_f64();
    let mut text = format!(
        "{model} on {engine} ({provider}): {pictures} photographs of {classes} classes, \
         {tried} ways tried in {runs} runs, {seconds:.1} s\n\n"
    );
    text.push_str(&table(found));
    text.push('\n');
    text.push_str(&verdict(found));
    text
}

/// The winner and its equals, then the best of the others.
fn table(found: &Match) -> String {
    let equals = equals(found);
    let (shown, hidden) = (equals.min(EQUALS), equals.saturating_sub(EQUALS));
    let rows = found.rows[..shown].iter().chain(&found.rows[equals..]);
    let mut table = vec![HEADER.map(String::from)];
    table.extend(rows.map(|row| cells(row, found.pictures)));
    let mut text = aligned(&table);
    if hidden > 0 {
        let _ = writeln!(
            text,
            "… and {hidden} more that cannot be told from the best"
        );
    }
    text
}

/// What these photographs tell, and what they do not.
fn verdict(found: &Match) -> String {
    let mut text = match equals(found) {
        1 => "told apart from all others by these photographs\n".into(),
        many => format!(
            "{many} ways cannot be told apart by these photographs; of the best the most usual stands first\n"
        ),
    };
    for agreement in &found.agreement {
        let _ = writeln!(text, "  {}: {}", agreement.fact, values(&agreement.values));
    }
    if let Some(warning) = &found.warning {
        let _ = writeln!(text, "{warning}");
    }
    let named = found.recipes.iter().take(RECIPES);
    let named: Vec<&str> = named.map(String::as_str).collect();
    if !named.is_empty() {
        let more = if found.recipes.len() > RECIPES {
            ", …"
        } else {
            ""
        };
        let _ = writeln!(
            text,
            "the winner is the recipe of {}{more}",
            named.join(", ")
        );
    }
    text
}

/// The winner's value, and the first of its equals'.
fn values(values: &[String]) -> String {
    let Some((winner, others)) = values.split_first() else {
        return String::new();
    };
    let shown = others.len().min(OTHERS);
    match others.len() - shown {
        _ if shown == 0 => winner.clone(),
        0 => format!("{winner}, or {}", others.join("; ")),
        more => format!("{winner}, or {}; {more} more", others[..shown].join("; ")),
    }
}

/// How many rows cannot be told from the best; they stand first.
fn equals(found: &Match) -> usize {
    found.rows.iter().filter(|row| row.equal).count()
}

fn cells(row: &Row, pictures: usize) -> [String; 8] {
    let difference = &row.difference;
    [
        format!("{:.4}", row.log_loss),
        format!("{:+.4} ± {:.4}", difference.mean, difference.half),
        percent(row.chance),
        format!("{}/{pictures}", row.right),
        upper(&row.color),
        row.values.clone(),
        row.resize(),
        row.filter(),
    ]
}

fn percent(share: f64) -> String {
    match share < 0.001 {
        true => "< 0.1 %".into(),
        false => format!("{:.1} %", share * 100.0),
    }
}

/// Columns as wide as their widest cell.
fn aligned(table: &[[String; 8]]) -> String {
    let width = |column: usize| {
        let widths = table.iter().map(|row| row[column].chars().count());
        widths.max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..HEADER.len()).map(width).collect();
    let mut text = String::new();
    for row in table {
        let cells = row.iter().zip(&widths);
        let line: Vec<String> = cells
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        let _ = writeln!(text, "{}", line.join("  ").trim_end());
    }
    text
}
