//! Which category a fact fits best: by the words a category's name, description and examples
//! share with it, rare ones among the categories more than those all have.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::engine::ontology::{GENERAL, Ontology};
use crate::engine::synonyms;
use crate::engine::text::{Term, for_each_word};

/// How much a word counts by where the category has it.
const NAME_WEIGHT: f64 = 2.0;
const EXAMPLE_WEIGHT: f64 = 1.0;
const DESCRIPTION_WEIGHT: f64 = 1.0;
/// How much a word of like meaning counts beside the word itself.
const SYNONYM_WEIGHT: f64 = 0.5;

/// The categories of an ontology by their words.
#[derive(Debug)]
pub(super) struct Categories {
    names: Vec<String>,
    /// By the hash of a word's stem: which categories have it, and how much it speaks for each.
    words: FxHashMap<u64, Vec<(usize, f64)>>,
    /// For what shares no word with any.
    fallback: usize,
}

impl Categories {
    pub(super) fn of(ontology: &Ontology) -> Self {
        let mut words: FxHashMap<u64, Vec<(usize, f64)>> = FxHashMap::default();
        for (number, category) in ontology.categories.iter().enumerate() {
            let mut own: FxHashMap<u64, f64> = FxHashMap::default();
            let mut add = |text: &str, weight: f64| {
                for_each_word(text, |word| {
                    let term = Term::of_word(word);
                    if term.is_stop() {
                        return;
                    }
                    raise(&mut own, term.hash(), weight);
                    for (hash, cosine) in synonyms::of_word(word) {
                        raise(&mut own, *hash, weight * SYNONYM_WEIGHT * f64::from(*cosine));
                    }
                });
            };
            add(&category.name.replace('_', " "), NAME_WEIGHT);
            add(&category.description, DESCRIPTION_WEIGHT);
            for example in &category.examples {
                add(example, EXAMPLE_WEIGHT);
            }
            for (hash, weight) in own {
                words.entry(hash).or_default().push((number, weight));
            }
        }
        // What every category has tells none from another.
        let count = ontology.categories.len();
        for owners in words.values_mut() {
            let rarity = rarity(owners.len(), count);
            for (_, weight) in owners {
                *weight *= rarity;
            }
        }
        let names: Vec<String> =
            ontology.categories.iter().map(|category| category.name.clone()).collect();
        let fallback = names.iter().position(|name| name == GENERAL).unwrap_or(0);
        Self { names, words, fallback }
    }

    /// The category that shares most with a text.
    pub(super) fn best(&self, text: &str) -> &str {
        self.names.get(self.best_number(text)).map_or(GENERAL, String::as_str)
    }

    /// Its number in the ontology; of equals the first.
    pub(super) fn best_number(&self, text: &str) -> usize {
        if self.names.len() == 1 {
            return 0;
        }
        let mut scores = vec![0.0; self.names.len()];
        let mut seen = FxHashSet::default();
        for_each_word(text, |word| {
            let term = Term::of_word(word);
            if term.is_stop() || !seen.insert(term.hash()) {
                return;
            }
            for (number, weight) in self.words.get(&term.hash()).into_iter().flatten() {
                if let Some(score) = scores.get_mut(*number) {
                    *score += weight;
                }
            }
        });
        let mut best = (self.fallback, 0.0);
        for (number, score) in scores.into_iter().enumerate() {
            if score > best.1 {
                best = (number, score);
            }
        }
        best.0
    }
}

fn raise(own: &mut FxHashMap<u64, f64>, hash: u64, weight: f64) {
    let known = own.entry(hash).or_insert(0.0);
    *known = known.max(weight);
}

/// The inverse document frequency, smoothed: above 0 even for what all have.
fn rarity(owners: usize, count: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "categories are few")]
    let share = (count as f64 + 1.0) / (owners as f64 + 0.5);
    share.ln().max(0.01)
}
