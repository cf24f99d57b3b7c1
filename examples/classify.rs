//! One picture, one answer: `cargo run --example classify -- models/shapes.onnx photo.jpg`.
#![allow(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(model), Some(photo)) = (args.next(), args.next()) else {
        return Err("expected MODEL PHOTO".into());
    };
    let mut classifier = ocelli::Classifier::open(model)?;
    let answer = classifier.classify(std::fs::read(&photo)?)?;
    println!("{photo}: {answer} in {:?}", answer.timing.total);
    for guess in &answer.top {
        println!("  {:.4} {}", guess.score, guess.label);
    }
    Ok(())
}
