//! What records have to tell. The webcam shows the shapes in turn, so the label of a frame
//! is its number, and the counters have to account for every frame that is missing.

use serde_json::Value;

/// In the order in which the webcam shows them.
pub const SHAPES: [&str; 4] = ["circle", "square", "star", "triangle"];

/// A count of a record's `drops`.
pub fn drops(record: &Value, cause: &str) -> u64 {
    let count = record["drops"][cause].as_u64();
    count.unwrap_or_else(|| panic!("no `drops.{cause}` in {record}"))
}

/// Checks that each record has the label of the frame that it is, by its counters. The
/// first frame, and the first one after an outage, may be any of the shapes.
pub fn check(records: &[Value]) -> Result<(), String> {
    let mut last: Option<(u64, u64, usize)> = None;
    for (place, record) in records.iter().enumerate() {
        let label = record["label"].as_str().unwrap_or_default();
        let shape = SHAPES.iter().position(|shape| *shape == label);
        let shape = shape.ok_or_else(|| format!("record {place} shows no shape: {record}"))?;
        let causes = ["newer", "camera", "damaged", "paced"];
        let missing: u64 = causes.iter().map(|cause| drops(record, cause)).sum();
        let outages = drops(record, "outages");
        if record["dropped"].as_u64() != Some(missing) {
            return Err(format!(
                "record {place} adds its drops up wrongly: {record}"
            ));
        }
        if let Some((before, earlier, shown)) = last
            && outages == earlier
        {
            let skipped = missing.checked_sub(before);
            let skipped = skipped.ok_or_else(|| format!("fewer drops than before: {record}"))?;
            let expected = (shown as u64 + 1 + skipped) % 4;
            if shape as u64 != expected {
                let expected = SHAPES[expected as usize];
                return Err(format!(
                    "record {place} should show a {expected}, {skipped} frames after a {}: {record}",
                    SHAPES[shown]
                ));
            }
        }
        last = Some((missing, outages, shape));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check;
    use serde_json::{Value, json};

    fn record(label: &str, newer: u64, damaged: u64, outages: u64) -> Value {
        let (dropped, none) = (newer + damaged, 0);
        json!({"label": label, "dropped": dropped, "drops": {
            "newer": newer, "camera": none, "damaged": damaged, "paced": none, "outages": outages,
        }})
    }

    #[test]
    fn a_frame_has_to_show_what_its_counters_say() {
        let mut records = vec![
            record("star", 0, 0, 0),
            record("triangle", 0, 0, 0),
            record("star", 1, 1, 0),
            record("star", 1, 1, 1),
            record("circle", 2, 1, 1),
        ];
        assert_eq!(check(&records), Ok(()));
        records[1] = record("circle", 0, 0, 0);
        let why = check(&records).unwrap_err();
        assert!(why.starts_with("record 1 should show a triangle, 0 frames after a star"));
        records[1] = record("cat", 0, 0, 0);
        assert!(check(&records).unwrap_err().contains("shows no shape"));
        records[1] = record("triangle", 0, 0, 0);
        records[4]["dropped"] = json!(2);
        assert!(
            check(&records)
                .unwrap_err()
                .contains("adds its drops up wrongly")
        );
    }
}
