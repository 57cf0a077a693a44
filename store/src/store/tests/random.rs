//! Chance that can be repeated.

/// A small generator of random numbers (xorshift64*).
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(super) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % limit
    }

    pub(super) fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

/// The seeds of a run of `count` histories; `BOLIDE_SEED=n` is that one only.
pub(super) fn seeds(count: u64) -> Vec<u64> {
    match std::env::var("BOLIDE_SEED") {
        Ok(seed) => vec![seed.parse().unwrap()],
        Err(_) => (1..=count).collect(),
    }
}

/// Runs a history for each seed, and names the one that fails.
pub(super) fn for_seeds(test: &str, seeds: &[u64], run: impl Fn(u64) + std::panic::RefUnwindSafe) {
    for &seed in seeds {
        if let Err(panic) = std::panic::catch_unwind(|| run(seed)) {
            eprintln!("history {seed} failed; BOLIDE_SEED={seed} cargo test -p bolide-store {test} repeats it");
            std::panic::resume_unwind(panic);
        }
    }
}
