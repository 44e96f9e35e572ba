//! Synthetic data: the same for the same seed.

use serde_json::{Value, json};

pub(crate) const TURNS_PER_SESSION: usize = 25;

/// Conversations in sessions, and a question about each turn.
pub(crate) struct Corpus {
    /// Write requests.
    pub(crate) atoms: Vec<Value>,
    /// Bodies of reads ...
    pub(crate) reads: Vec<String>,
    /// ... and the `metadata.n` of the atom each asks for.
    pub(crate) sources: Vec<usize>,
}

impl Corpus {
    pub(crate) fn new(mut words: Words, atoms: usize, domains: usize) -> Self {
        let mut corpus = Self { atoms: Vec::new(), reads: Vec::new(), sources: Vec::new() };
        for n in 0..atoms {
            let session = n / TURNS_PER_SESSION;
            let (name, topic) = (words.name(), words.several(3));
            let content = format!("[day {session}] {name}: {topic} {}.", words.several(15));
            let domain = format!("bench:{}", session % domains);
            let second = n % TURNS_PER_SESSION;
            let occurred_at = format!(
                "2024-{:02}-{:02}T10:00:{second:02}Z",
                session / 28 % 12 + 1,
                session % 28 + 1
            );
            corpus.atoms.push(json!({
                "content": content, "domain": domain, "external_ref": format!("{domain}/{n}"),
                "metadata": {"n": n, "session_id": format!("s{session}"), "occurred_at": occurred_at},
            }));
            let mut read =
                json!({"query": format!("What did {name} say about {topic}?"), "top_k": 10});
            if domains == 1 {
                read["domain"] = json!(domain);
            }
            corpus.reads.push(read.to_string());
            corpus.sources.push(n);
        }
        words.shuffle(&mut corpus);
        corpus
    }
}

/// `SplitMix64` (Steele et al., OOPSLA 2014) over a vocabulary with a Zipf-like use.
pub(crate) struct Words {
    state: u64,
    vocabulary: Vec<String>,
}

impl Words {
    const COUNT: usize = 4_000;

    /// Words that no model knows.
    pub(crate) fn made_up(seed: u64) -> Self {
        const SYLLABLES: [&str; 20] = [
            "ba", "ren", "to", "mil", "ka", "sor", "ne", "lia", "du", "per", "vo", "shi", "gan",
            "te", "ru", "mon", "fi", "qua", "zel", "or",
        ];
        let word = |rank: usize| -> String {
            let syllable = |place: u32| SYLLABLES[rank / 20_usize.pow(place) % 20];
            (0..=rank.ilog(20).clamp(1, 3)).map(syllable).collect()
        };
        Self { state: seed, vocabulary: (1..=Self::COUNT).map(word).collect() }
    }

    /// Common English words, so that texts have directions of their own.
    pub(crate) fn english(seed: u64) -> Self {
        let words = include_str!("../words.txt").split_whitespace().take(Self::COUNT);
        Self { state: seed, vocabulary: words.map(str::to_owned).collect() }
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Words of low rank come far more often than others.
    fn word(&mut self) -> &str {
        let share = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        let rank = (self.vocabulary.len() as f64).powf(share) as usize;
        &self.vocabulary[rank - 1]
    }

    pub(crate) fn several(&mut self, count: usize) -> String {
        let mut text = String::new();
        for _ in 0..count {
            text.push_str(if text.is_empty() { "" } else { " " });
            text.push_str(self.word());
        }
        text
    }

    pub(crate) fn name(&mut self) -> &'static str {
        const NAMES: [&str; 8] = ["Priya", "Tom", "Ines", "Kofi", "Lena", "Marek", "Yuki", "Sana"];
        NAMES[(self.next() % 8) as usize]
    }

    /// Puts the questions in another order than the atoms they ask for.
    fn shuffle(&mut self, corpus: &mut Corpus) {
        for last in (1..corpus.reads.len()).rev() {
            let other = (self.next() % (last as u64 + 1)) as usize;
            corpus.reads.swap(last, other);
            corpus.sources.swap(last, other);
        }
    }
}
