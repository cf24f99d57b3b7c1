//! A service over HTTP: `cargo run --example http -- models/shapes.onnx 127.0.0.1:8080`, then
//! `curl --data-binary @photo.jpg -H 'Content-Type: image/jpeg' 127.0.0.1:8080/predict`.
//! It ends with its standard input.
#![allow(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use ocelli::model::Overrides;
use ocelli::serve::{Deployment, DeploymentOptions, LiveSources, Server, ServerOptions};
use ocelli::{EngineOptions, Model};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(model), Some(listen)) = (args.next(), args.next()) else {
        return Err("expected MODEL ADDRESS:PORT".into());
    };
    let model = Arc::new(Model::open(Path::new(&model), Overrides::default())?);
    let options = DeploymentOptions::default();
    let deployment = Deployment::new(model, &EngineOptions::default(), &options)?;
    let app = Arc::new(Deployment::app(&options, LiveSources::default()));
    // It answers from here on, 503 until the model is proved and warm.
    let server = Server::start(ServerOptions::local(listen.parse()?), app.clone())?;
    deployment.prove()?;
    deployment.start(&app)?;
    println!("ready");
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    drop(server);
    Ok(())
}
