//! A bar on standard error for work that goes in steps, where that is a terminal.

use indicatif::{ProgressBar, ProgressStyle};

/// The bar.
pub(crate) struct StepBar(ProgressBar);

impl StepBar {
    /// One that counts pieces called so.
    pub(crate) fn new(pieces: &str) -> Self {
        let bar = ProgressBar::new(0);
        // The template is a constant, but for a word.
        let template = format!("{{msg}} {{bar:30}} {{pos}}/{{len}} {pieces}");
        if let Ok(style) = ProgressStyle::with_template(&template) {
            bar.set_style(style);
        }
        Self(bar)
    }

    /// Shows how far a step is.
    pub(crate) fn show(&self, step: &'static str, done: usize, of: usize) {
        self.0.set_message(step);
        self.0.set_length(of as u64);
        self.0.set_position(done as u64);
    }

    /// Takes it off the screen.
    pub(crate) fn clear(&self) {
        self.0.finish_and_clear();
    }
}
