//! All integration tests in one binary: it links once.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    unreachable_pub,
    reason = "a test that cannot go on has failed, and says \"skipped\" on stdout; one file shares with another by `pub`"
)]

mod access;
mod allocations;
mod calibrate;
mod children;
mod classifier;
mod cli;
mod config;
mod doctor;
mod eval_bench;
mod examples;
mod fences;
mod fetch;
mod folders;
mod framing;
mod house;
mod http_sources;
mod hub;
mod independent;
mod inputs;
mod keep;
mod live;
mod malformed;
mod matching;
mod models;
mod mqtt;
mod mqtt_sources;
mod notify;
mod onnx_file;
mod outputs;
mod parity;
mod pictures;
mod prepared;
mod proof;
mod providers;
mod readme;
mod recipes;
mod ring;
mod scenes;
mod schema;
mod serve;
mod several;
mod source_tree;
mod streams;
mod support;
mod teach;
mod telemetry;
mod tune;
mod unknown;
mod watch;
mod watch_accuracy;
mod watch_scene;
mod watch_state;
mod watch_year;
mod watched;
