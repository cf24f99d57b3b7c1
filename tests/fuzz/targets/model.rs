//! A model file, opened as the program opens it with all facts given: what is known of it is
//! told or refused, and its graph is walked.
#![no_main]

#[path = "../scratch.rs"]
mod scratch;

use std::path::PathBuf;
use std::sync::LazyLock;

use ocelli::model::manifest::{Color, Filter, Resize};
use ocelli::model::{Facts, Model, Overrides, fact};

static FILE: LazyLock<PathBuf> = LazyLock::new(|| scratch::file("model.onnx"));

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    std::fs::write(&*FILE, bytes).expect("a file can be written");
    let _ = Model::known(&FILE, Overrides::default());
    let facts = Facts {
        labels: fact(vec!["a".into(), "b".into()], "fuzz"),
        color: fact(Color::Rgb, "fuzz"),
        resize: fact(
            Resize::Exact {
                width: 8,
                height: 8,
            },
            "fuzz",
        ),
        filter: fact(Filter::Bilinear, "fuzz"),
        antialias: fact(true, "fuzz"),
        rescale: fact(1.0, "fuzz"),
        mean: fact(vec![0.0; 3], "fuzz"),
        std: fact(vec![1.0; 3], "fuzz"),
        ..Facts::default()
    };
    let overrides = Overrides {
        facts,
        ..Overrides::default()
    };
    if let Ok(model) = Model::open(&FILE, overrides) {
        assert!(model.manifest.to_json().is_ok());
    }
});
