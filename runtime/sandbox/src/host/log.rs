//! `log`: lines for the tenant, bounded.

use windlass_domain::TimeMs;
use windlass_domain::job::{LogLevel, LogLine};

use crate::bindings::anchor::log::{Host, Level};
use crate::context::RunContext;

/// The end of a log that was too long.
const CUT: &str = "[cut: the log of this run is full]";

/// A run's lines. What goes over the limit is cut, with one mark.
#[derive(Debug)]
pub(crate) struct LogBuffer {
    lines: Vec<LogLine>,
    bytes: u64,
    limit: u64,
    cut: bool,
}

impl LogBuffer {
    pub(crate) const fn new(limit: u64) -> Self {
        Self { lines: Vec::new(), bytes: 0, limit, cut: false }
    }

    fn write(&mut self, level: LogLevel, at: TimeMs, mut message: String) {
        if self.cut {
            return;
        }
        let room = self.limit - self.bytes;
        // An empty line takes a byte, or there could be any number of them.
        let size = message.len().max(1) as u64;
        if size > room {
            message.truncate(message.floor_char_boundary(usize::try_from(room).unwrap_or(usize::MAX)));
            self.bytes += message.len() as u64;
            message.push_str(CUT);
            self.cut = true;
        } else {
            self.bytes += size;
        }
        self.lines.push(LogLine { level, at, message });
    }

    /// The lines, and how many bytes of them count.
    pub(crate) fn into_lines(self) -> (Vec<LogLine>, u64) {
        (self.lines, self.bytes)
    }
}

impl Host for RunContext {
    async fn write(&mut self, level: Level, message: String) -> wasmtime::Result<()> {
        self.enter()?;
        let level = match level {
            Level::Debug => LogLevel::Debug,
            Level::Info => LogLevel::Info,
            Level::Warn => LogLevel::Warn,
            Level::Error => LogLevel::Error,
        };
        let at = self.host.now();
        self.log.write(level, at, message);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_log_is_cut_once_at_a_character() {
        let mut log = LogBuffer::new(10);
        for message in ["12345", "", "\u{e4}\u{e4}\u{e4}", "never", ""] {
            log.write(LogLevel::Info, 7, message.to_owned());
        }
        let (lines, bytes) = log.into_lines();
        let texts: Vec<&str> = lines.iter().map(|line| line.message.as_str()).collect();
        assert_eq!(texts, ["12345", "", "\u{e4}\u{e4}[cut: the log of this run is full]"]);
        assert_eq!(bytes, 10);
    }
}
