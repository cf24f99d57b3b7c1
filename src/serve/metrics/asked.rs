//! In which of two formats counts are told: OpenMetrics to those who ask for it, the classic
//! text of Prometheus to all others, tools that send no `Accept` among them.

use axum::http::{HeaderMap, HeaderValue, header};
use prometheus_client::encoding::prometheus_text;

/// How counts are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TextFormat {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// The text format of Prometheus, 0.0.4.
    Classic,
}

impl TextFormat {
    /// The one that a client prefers by its `Accept` (RFC 9110, 12.5.1). Where it likes both
    /// as well, naming OpenMetrics is asking for it; a wildcard is not.
    pub(crate) fn asked(headers: &HeaderMap) -> Self {
        let values = headers.get_all(header::ACCEPT).iter();
        let ranges = values.filter_map(|value| value.to_str().ok());
        let ranges = ranges.flat_map(|text| text.split(',')).filter_map(range);
        // Of wildcards and names that fit, the most exact one counts.
        let (mut open, mut classic) = (0.0, (0, 0.0));
        for (name, quality) in ranges {
            let exactness = match name.as_str() {
                "application/openmetrics-text" => {
                    open = quality.max(open);
                    continue;
                }
                "text/plain" => 3,
                "text/*" => 2,
                "*/*" => 1,
                _ => continue,
            };
            if exactness > classic.0 || (exactness == classic.0 && quality > classic.1) {
                classic = (exactness, quality);
            }
        }
        if open > 0.0 && open >= classic.1 {
            Self::OpenMetrics
        } else {
            Self::Classic
        }
    }

    /// What an answer in it is.
    pub(crate) fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Classic => prometheus_text::CONTENT_TYPE,
        })
    }
}

/// A media range, without its parameters, and its quality; nothing if that is none, or if it
/// is of a version that is not written here.
fn range(text: &str) -> Option<(String, f32)> {
    let mut parts = text.split(';').map(|part| part.trim().to_ascii_lowercase());
    let name = parts.next()?;
    let mut quality = 1.0;
    for part in parts {
        match part.split_once('=') {
            Some(("q", value)) => {
                let given = value.parse::<f32>().ok();
                quality = given.filter(|q| (0.0..=1.0).contains(q))?;
            }
            Some(("version", version)) if name.ends_with("openmetrics-text") => {
                let known = ["0.0.1", "1.0.0"];
                known.contains(&version.trim_matches('"')).then_some(())?;
            }
            _ => {}
        }
    }
    Some((name, quality))
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue, header};

    use super::TextFormat::{self, Classic, OpenMetrics};

    fn asked(accept: &[&'static str]) -> TextFormat {
        let value = |text: &&'static str| (header::ACCEPT, HeaderValue::from_static(text));
        TextFormat::asked(&accept.iter().map(value).collect::<HeaderMap>())
    }

    #[test]
    fn open_metrics_goes_to_those_who_prefer_it_by_name() {
        let prometheus_2 = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        let prometheus_3 = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
        let cases: [(&[&str], _); 18] = [
            (&[], Classic),
            (&["*/*"], Classic),
            (&["text/html, */*;q=0.8"], Classic),
            (&[prometheus_2], OpenMetrics),
            (&[prometheus_3], OpenMetrics),
            (&["application/openmetrics-text"], OpenMetrics),
            (
                &["Application/OpenMetrics-Text; Version=1.0.0"],
                OpenMetrics,
            ),
            (&["application/openmetrics-text; version=2.0.0"], Classic),
            (&["application/openmetrics-text, text/plain"], OpenMetrics),
            (
                &["application/openmetrics-text;q=0.5, text/plain;q=0.6"],
                Classic,
            ),
            (
                &["application/openmetrics-text;q=0.5, text/plain;q=0.4, */*"],
                OpenMetrics,
            ),
            (&["application/openmetrics-text;q=0.5, text/*"], Classic),
            (&["application/openmetrics-text;q=0.5, */*"], Classic),
            (&["application/openmetrics-text;q=0"], Classic),
            (&["application/openmetrics-text;q=2"], Classic),
            (&["application/openmetrics-text;q=x, , ;"], Classic),
            (
                &["text/plain;q=0.3", "application/openmetrics-text ; q=0.4"],
                OpenMetrics,
            ),
            (&["application/*"], Classic),
        ];
        for (accept, expected) in cases {
            assert_eq!(asked(accept), expected, "{accept:?}");
        }
    }
}
