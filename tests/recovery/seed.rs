//! The seed of a random test: drawn from the clock and printed, or given as `HEBBD_TEST_SEED` to
//! repeat a failure.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use hebbd::types::{Clock, SystemClock};
use rand::SeedableRng;
use rand::rngs::SmallRng;

pub(crate) fn seeded(test: &str) -> SmallRng {
    #[allow(clippy::disallowed_methods, reason = "how a person repeats one run of a test")]
    let given = std::env::var("HEBBD_TEST_SEED").ok();
    let seed = match given {
        Some(text) => text.parse().expect("HEBBD_TEST_SEED is a number"),
        None => SystemClock.now().as_micros().cast_unsigned(),
    };
    println!("{test}: HEBBD_TEST_SEED={seed}");
    SmallRng::seed_from_u64(seed)
}
