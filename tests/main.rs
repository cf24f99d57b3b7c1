//! All integration tests in one binary: it links once.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a test that cannot go on has failed, and says \"skipped\" on stdout"
)]

mod allocations;
mod children;
mod cli;
mod config;
mod doctor;
mod doors;
mod fences;
mod framing;
mod inputs;
mod live;
mod malformed;
mod measure;
mod models;
mod mqtt;
mod parity;
mod proof;
mod providers;
mod readme;
mod serve;
mod streams;
mod support;
mod telemetry;
mod tell;
mod tune;
