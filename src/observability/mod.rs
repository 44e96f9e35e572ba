//! How the server shows what it does: log lines and metrics. It is set up once by the
//! composition root; other modules only use the `tracing` and `metrics` macros. Neither memory
//! content nor secrets belong in either.

pub mod logging;
pub mod metrics;
mod process;
