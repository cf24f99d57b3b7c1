//! What goes on at a live source besides its answers.

pub mod ring;
