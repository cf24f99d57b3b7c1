//! All integration tests in one binary: it links once.

mod allocations;
mod cli;
mod fences;
mod malformed;
mod models;
mod parity;
mod readme;
mod streams;
mod support;
mod telemetry;
