//! How a lab tells what it does while it does it.

/// Hears what a lab is doing, as the library itself never prints.
pub trait Progress: Sync {
    /// Hears that a step begins, in a few words without a full stop.
    fn step(&self, text: &str);

    /// Hears a detail of the step under way, such as a line from the image builder.
    fn detail(&self, text: &str) {
        let _ = text;
    }
}

/// Ignores all progress.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn step(&self, _text: &str) {}
}
